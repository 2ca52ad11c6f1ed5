-- Which constraints does this table have, in which state, and how does the server write them?
SELECT conname, contype::text, convalidated, pg_catalog.pg_get_constraintdef(oid),
       (SELECT coalesce(pg_catalog.array_agg(attname::text), '{}') FROM pg_catalog.pg_attribute
        WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns
FROM pg_catalog.pg_constraint
WHERE conrelid = pg_catalog.to_regclass(%(table)s)
ORDER BY conname
