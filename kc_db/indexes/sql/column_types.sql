-- Of which type and collation are the columns of these tables, as CREATE TABLE would say it?
SELECT attribute.attrelid::oid AS table_oid, namespace.nspname AS schema, relation.relname AS table_name, attribute.attname AS name,
       pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type,
       CASE WHEN attribute.attcollation <> type.typcollation
            THEN ARRAY[collation_schema.nspname, named.collname]::text[] END AS collation
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
LEFT JOIN pg_catalog.pg_collation AS named ON named.oid = attribute.attcollation
LEFT JOIN pg_catalog.pg_namespace AS collation_schema ON collation_schema.oid = named.collnamespace
WHERE (namespace.nspname, relation.relname) IN (SELECT * FROM unnest(%(schemas)s::text[], %(names)s::text[]))
ORDER BY attribute.attrelid, attribute.attnum
