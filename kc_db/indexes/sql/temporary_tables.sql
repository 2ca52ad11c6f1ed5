-- Which temporary tables of these names does this session have?
SELECT oid, 'pg_temp' AS schema, relname AS name
FROM pg_catalog.pg_class
WHERE relnamespace = pg_catalog.pg_my_temp_schema() AND relname = ANY (%(names)s::text[]) AND relkind = 'p'
