-- Which of these names are indexes of this table, and does a constraint stand on them?
SELECT name.relname::text, EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = name.oid AND contype IN ('p', 'u', 'x'))
FROM pg_catalog.pg_index
JOIN pg_catalog.pg_class AS name ON name.oid = indexrelid
WHERE indrelid = pg_catalog.to_regclass(%(table)s) AND name.relname = ANY (%(names)s)
