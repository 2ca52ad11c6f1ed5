-- How are these indexes stored, and what is known of their columns? Sizes and rows are those of the last VACUUM or ANALYZE;
-- pg_stats has only columns that the role may read.
SELECT relation.oid, namespace.nspname AS schema, heap.relname AS table, relation.relname AS name,
       relation.relpages AS pages, nullif(relation.reltuples, -1) AS rows,
       pg_catalog.current_setting('block_size')::integer AS page_bytes, method.amname AS method,
       coalesce((SELECT option_value::integer FROM pg_catalog.pg_options_to_table(relation.reloptions)
                 WHERE option_name = 'fillfactor'), 90) AS fill_factor,
       NOT index.indisunique AND index.indnatts = index.indnkeyatts
       AND NOT coalesce((SELECT NOT option_value::boolean FROM pg_catalog.pg_options_to_table(relation.reloptions)
                         WHERE option_name = 'deduplicate_items'), false)
       AND NOT EXISTS (SELECT FROM unnest(index.indclass::oid[], index.indcollation::oid[]) AS key (class_oid, collation_oid)
                       JOIN pg_catalog.pg_opclass AS class ON class.oid = key.class_oid
                       LEFT JOIN pg_catalog.pg_collation AS ordering ON ordering.oid = key.collation_oid
                       WHERE NOT coalesce(ordering.collisdeterministic, true)
                          OR NOT EXISTS (SELECT FROM pg_catalog.pg_amproc
                                         WHERE amprocfamily = class.opcfamily AND amprocnum = 4
                                           AND amproclefttype = class.opcintype AND amprocrighttype = class.opcintype)) AS deduplicates,
       statistics.columns,
       (SELECT sum(whole.avg_width * (1 - whole.null_frac)) FROM pg_catalog.pg_stats AS whole
        WHERE whole.schemaname = namespace.nspname AND whole.tablename = heap.relname
          AND NOT whole.inherited
        HAVING count(*) = (SELECT count(*) FROM pg_catalog.pg_attribute
                           WHERE attrelid = heap.oid AND attnum > 0 AND NOT attisdropped)) AS row_bytes
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
JOIN pg_catalog.pg_index AS index ON index.indexrelid = relation.oid
JOIN pg_catalog.pg_class AS heap ON heap.oid = index.indrelid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = heap.relnamespace
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(*) = count(known.avg_width)
                THEN pg_catalog.json_agg(pg_catalog.json_build_array(
                         known.avg_width, known.null_frac, known.n_distinct,
                         CASE own.attalign WHEN 'c' THEN 1 WHEN 's' THEN 2 WHEN 'i' THEN 4 ELSE 8 END,
                         own.attlen > 0) ORDER BY own.attnum) END AS columns
    FROM pg_catalog.pg_attribute AS own
    LEFT JOIN pg_catalog.pg_attribute AS source ON source.attrelid = index.indrelid
                                                AND source.attnum = index.indkey[own.attnum - 1] AND source.attnum > 0
    LEFT JOIN pg_catalog.pg_stats AS known
           ON known.schemaname = namespace.nspname AND NOT known.inherited
          AND known.tablename = CASE WHEN source.attnum IS NULL THEN relation.relname ELSE heap.relname END
          AND known.attname = CASE WHEN source.attnum IS NULL THEN own.attname ELSE source.attname END
    WHERE own.attrelid = index.indexrelid AND own.attnum > 0) AS statistics
WHERE relation.oid = ANY (%(indexes)s::oid[])
ORDER BY schema, heap.relname
