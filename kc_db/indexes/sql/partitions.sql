-- Which partitions do these partitioned tables have, and which do those have? Of which kind are they? One that DETACH ...
-- CONCURRENTLY has left half detached is none any more: no index of the parent takes its own.
WITH RECURSIVE tree (parent_oid, oid) AS (
    SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = ANY (%(tables)s::oid[]) AND NOT inhdetachpending
    UNION
    SELECT child.inhparent, child.inhrelid
    FROM tree JOIN pg_catalog.pg_inherits AS child ON child.inhparent = tree.oid AND NOT child.inhdetachpending
)
SELECT tree.parent_oid, relation.oid, namespace.nspname AS schema, relation.relname AS name, relation.relkind::text AS kind,
       (SELECT pg_catalog.array_agg(attribute.attname::text ORDER BY key.position)
        FROM pg_catalog.pg_partitioned_table AS partitioned
        CROSS JOIN LATERAL pg_catalog.unnest(partitioned.partattrs::smallint[]) WITH ORDINALITY AS key (number, position)
        LEFT JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum = key.number
        WHERE partitioned.partrelid = relation.oid) AS partition_key
FROM tree
JOIN pg_catalog.pg_class AS relation ON relation.oid = tree.oid AND relation.relispartition
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
ORDER BY namespace.nspname, relation.relname
