-- Which indexes of these tables take at least so many bytes, over all partitions, and which parts do they have? Sizes are those of the
-- last VACUUM or ANALYZE.
WITH part AS (
    SELECT index.indrelid AS table_oid, root.relname AS root, root.oid AS oid, root.relpages
    FROM pg_catalog.pg_index AS index
    JOIN pg_catalog.pg_class AS root ON root.oid = index.indexrelid AND root.relkind = 'i'
    WHERE index.indrelid = ANY (%(tables)s::oid[])
      AND root.relpages >= %(least_bytes)s / pg_catalog.current_setting('block_size')::integer
    UNION ALL
    SELECT index.indrelid, root.relname, leaf.oid, leaf.relpages
    FROM pg_catalog.pg_index AS index
    JOIN pg_catalog.pg_class AS root ON root.oid = index.indexrelid AND root.relkind = 'I'
    CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) AS tree
    JOIN pg_catalog.pg_class AS leaf ON leaf.oid = tree.relid
    WHERE index.indrelid = ANY (%(tables)s::oid[]) AND tree.isleaf
), big AS (
    SELECT part.*, sum(part.relpages) OVER (PARTITION BY part.table_oid, part.root) AS pages FROM part
)
SELECT big.table_oid, big.root, big.oid
FROM big
WHERE big.pages >= %(least_bytes)s / pg_catalog.current_setting('block_size')::integer
