-- Which relations do these names mean, and of which kind are they? A name without a schema is looked up in the search_path.
SELECT DISTINCT ON (wanted.ordinality)
       wanted.ordinality - 1 AS position, relation.oid AS oid, relation.nspname AS schema,
       relation.relname AS name, relation.relkind::text AS kind,
       (SELECT pg_catalog.array_agg(attribute.attname::text ORDER BY key.position)
        FROM pg_catalog.pg_partitioned_table AS partitioned
        CROSS JOIN LATERAL pg_catalog.unnest(partitioned.partattrs::smallint[]) WITH ORDINALITY AS key (number, position)
        LEFT JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum = key.number
        WHERE partitioned.partrelid = relation.oid) AS partition_key
FROM unnest(%(schemas)s::text[], %(names)s::text[]) WITH ORDINALITY AS wanted (schema, name, ordinality)
CROSS JOIN LATERAL pg_catalog.unnest(CASE WHEN wanted.schema IS NULL THEN pg_catalog.current_schemas(false)::text[]
                                          ELSE ARRAY[wanted.schema] END) WITH ORDINALITY AS searched (schema, rank)
CROSS JOIN LATERAL (SELECT relation.oid, namespace.nspname, relation.relname, relation.relkind
                    FROM pg_catalog.pg_namespace AS namespace
                    JOIN pg_catalog.pg_class AS relation ON relation.relnamespace = namespace.oid
                    WHERE namespace.nspname = searched.schema AND relation.relname = wanted.name
                    OFFSET 0) AS relation -- a fence: each name is looked up in its index, a thousand tenants' as well
ORDER BY wanted.ordinality, searched.rank
