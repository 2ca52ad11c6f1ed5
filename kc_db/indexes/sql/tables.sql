-- Which relations do these names mean, and of which kind are they? A name without a schema is looked up in the search_path.
SELECT DISTINCT ON (wanted.ordinality)
       wanted.ordinality - 1 AS position, relation.oid AS oid, namespace.nspname AS schema,
       relation.relname AS name, relation.relkind::text AS kind,
       (SELECT pg_catalog.array_agg(attribute.attname::text ORDER BY key.position)
        FROM pg_catalog.pg_partitioned_table AS partitioned
        CROSS JOIN LATERAL pg_catalog.unnest(partitioned.partattrs::smallint[]) WITH ORDINALITY AS key (number, position)
        LEFT JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum = key.number
        WHERE partitioned.partrelid = relation.oid) AS partition_key
FROM unnest(%(schemas)s::text[], %(names)s::text[]) WITH ORDINALITY AS wanted (schema, name, ordinality)
JOIN pg_catalog.pg_class AS relation ON relation.relname = wanted.name
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE namespace.nspname = wanted.schema
   OR (wanted.schema IS NULL AND namespace.nspname = ANY (pg_catalog.current_schemas(false)))
ORDER BY wanted.ordinality, pg_catalog.array_position(pg_catalog.current_schemas(false), namespace.nspname)
