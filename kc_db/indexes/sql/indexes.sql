-- Which indexes do these tables have, and in which state are they? (indnullsnotdistinct came with PostgreSQL 15;
-- before it the name means the column of before_15.)
WITH backing AS (
    SELECT conindid,
           min(conname) FILTER (WHERE contype IN ('p', 'u', 'x')) AS constraint_name,
           bool_or(contype = 'x') AS exclusion,
           min(conname) FILTER (WHERE contype = 'f') AS foreign_key
    FROM pg_catalog.pg_constraint
    WHERE conindid <> 0
    GROUP BY conindid
), building AS (
    SELECT held.relation, nullif(progress.index_relid, 0) AS index_relid, min(progress.pid) AS pid, min(progress.phase) AS phase,
           min(CASE WHEN progress.blocks_total > 0 AND progress.blocks_done < progress.blocks_total
                    THEN progress.blocks_done * 100 / progress.blocks_total
                    WHEN progress.tuples_total > 0 THEN progress.tuples_done * 100 / progress.tuples_total
                    WHEN progress.lockers_total > 0 THEN progress.lockers_done * 100 / progress.lockers_total END) AS percent
    FROM pg_catalog.pg_stat_progress_create_index AS progress
    JOIN pg_catalog.pg_locks AS held ON held.pid = progress.pid AND held.mode = 'ShareUpdateExclusiveLock' AND held.granted
    WHERE progress.datname = pg_catalog.current_database()
    GROUP BY 1, 2
)
SELECT index.indrelid AS table_oid, relation.relname AS name, method.amname AS method,
       index.indisunique AS is_unique, index.nulls_not_distinct, index.indnkeyatts AS key_count,
       index.indkey::text AS columns, index.indclass::text AS operator_classes,
       index.indcollation::text AS collations, index.indoption::text AS options,
       relation.reloptions AS storage,
       pg_catalog.pg_get_expr(index.indpred, index.indrelid) AS predicate,
       CASE WHEN index.indexprs IS NOT NULL
              OR relation.oid IN (SELECT attrelid FROM pg_catalog.pg_attribute WHERE attoptions IS NOT NULL)
            THEN coalesce(pg_catalog.pg_get_indexdef(relation.oid), '') END AS text,
       CASE WHEN index.indexprs IS NOT NULL
            THEN ARRAY(SELECT pg_catalog.pg_get_indexdef(relation.oid, number, false)
                       FROM pg_catalog.generate_series(1, index.indnkeyatts) AS number) END AS key_texts,
       CASE WHEN index.indexprs IS NOT NULL AND method.amname IN ('btree', 'hash')  -- others may store another type
            THEN ARRAY(SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = relation.oid ORDER BY attnum) END AS key_types,
       index.indisvalid AS valid, index.indisready AS ready, index.indislive AS live,
       index.indimmediate AS immediate, index.indisprimary AS is_primary,
       backing.constraint_name, coalesce(backing.exclusion, false) AS exclusion,
       CASE WHEN backing.foreign_key IS NOT NULL THEN 'foreign key ' || backing.foreign_key
            WHEN index.indisreplident THEN 'the replica identity' END AS needed_by,
       running.pid AS building_pid, running.phase, running.percent,
       relation.relkind = 'I' OR relation.relispartition AS partitioned,
       CASE WHEN relation.relispartition
            THEN (SELECT parent.relname FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class AS parent ON parent.oid = inhparent
                  WHERE inhrelid = relation.oid) END AS attached_to
FROM (SELECT false AS indnullsnotdistinct) AS before_15
CROSS JOIN LATERAL (SELECT indexrelid, indrelid, indisunique, indnkeyatts, indkey, indclass, indcollation, indoption,
                           indpred, indexprs, indisvalid, indisready, indislive, indimmediate, indisprimary,
                           indisreplident, indnullsnotdistinct AS nulls_not_distinct
                    FROM pg_catalog.pg_index
                    WHERE indrelid = ANY (%(tables)s::oid[])) AS index
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
LEFT JOIN backing ON backing.conindid = relation.oid
LEFT JOIN LATERAL (SELECT pid, phase, percent FROM building
                   WHERE NOT index.indisvalid AND building.relation = index.indrelid
                     AND coalesce(building.index_relid, relation.oid) = relation.oid
                   LIMIT 1) AS running ON true
ORDER BY index.indrelid, relation.relname
