-- Which columns do these relations have, and is each of the type that is wanted? text and varchar are indexed alike.
SELECT wanted.table_name, wanted.column_name, wanted.type_name, relation.relkind::text AS kind,
       pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type,
       attribute.atttypid = pg_catalog.to_regtype(wanted.type_name)
       OR (attribute.atttypid IN ('text'::regtype, 'varchar'::regtype)
           AND pg_catalog.to_regtype(wanted.type_name) IN ('text'::regtype, 'varchar'::regtype)) AS same_type
FROM unnest(CAST(:tables AS text[]), CAST(:columns AS text[]), CAST(:types AS text[]))
     WITH ORDINALITY AS wanted (table_name, column_name, type_name, ordinality)
JOIN pg_catalog.pg_class AS relation ON relation.oid = pg_catalog.to_regclass(wanted.table_name)
LEFT JOIN pg_catalog.pg_attribute AS attribute
       ON attribute.attrelid = relation.oid AND attribute.attname = wanted.column_name
      AND attribute.attnum > 0 AND NOT attribute.attisdropped
ORDER BY wanted.ordinality
