-- Which schemas are there, but for the system's own?
SELECT nspname
FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY nspname
