-- How many bytes has a build on each of these tables, with all their partitions, to read?
SELECT wanted.oid, coalesce(sum(pg_catalog.pg_relation_size(coalesce(tree.relid, wanted.oid))), 0)::bigint AS size_bytes
FROM pg_catalog.unnest(%(oids)s::oid[]) AS wanted (oid)
LEFT JOIN LATERAL pg_catalog.pg_partition_tree(wanted.oid) AS tree ON tree.isleaf
GROUP BY wanted.oid
