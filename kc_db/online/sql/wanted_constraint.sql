-- How does the server write a constraint of this temporary table, which columns does it name, and what does it check?
SELECT pg_catalog.pg_get_constraintdef(oid),
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = conrelid AND attnum = ANY (conkey) ORDER BY attnum) AS columns,
       pg_catalog.pg_get_expr(conbin, conrelid)
FROM pg_catalog.pg_constraint
WHERE conrelid = pg_catalog.to_regclass(%(table)s) AND conname = %(name)s
