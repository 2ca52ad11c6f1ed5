-- How often, and when last, did this server scan these indexes, and since when does it count? (last_idx_scan came with
-- PostgreSQL 16; before it the name means the column of before_16.)
SELECT wanted.oid, scanned.idx_scan AS count, scanned.last, counting.stats_reset AS since, pg_catalog.now() AS now
FROM (SELECT NULL::timestamptz AS last_idx_scan) AS before_16
CROSS JOIN unnest(%(indexes)s::oid[]) AS wanted (oid)
CROSS JOIN LATERAL (SELECT idx_scan, last_idx_scan AS last
                    FROM pg_catalog.pg_stat_all_indexes WHERE indexrelid = wanted.oid) AS scanned
JOIN pg_catalog.pg_stat_database AS counting ON counting.datname = pg_catalog.current_database()
