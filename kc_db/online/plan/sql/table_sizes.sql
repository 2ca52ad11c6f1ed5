-- How large are these tables, or the tables of these indexes, now? With all partitions; rows as VACUUM or ANALYZE last counted.
SELECT wanted.name AS wanted, namespace.nspname AS schema, relation.relname AS name, size.rows, size.size_bytes, size.index_bytes
FROM unnest(%(names)s::text[]) AS wanted (name)
JOIN pg_catalog.pg_class AS given ON given.oid = pg_catalog.to_regclass(wanted.name)
LEFT JOIN pg_catalog.pg_index AS of_index ON of_index.indexrelid = given.oid
JOIN pg_catalog.pg_class AS relation ON relation.oid = coalesce(of_index.indrelid, given.oid)
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(part.reltuples >= 0) THEN sum(part.reltuples)::bigint END AS rows,
           sum(pg_catalog.pg_table_size(part.oid))::bigint AS size_bytes,
           sum(pg_catalog.pg_indexes_size(part.oid))::bigint AS index_bytes
    FROM pg_catalog.pg_class AS part
    WHERE part.relkind IN ('r', 'm')
      AND (part.oid = relation.oid OR part.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(relation.oid)))
) AS size
