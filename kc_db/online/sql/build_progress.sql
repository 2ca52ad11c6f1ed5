-- How far is the statement that this backend runs, and for which backends does it wait?
SELECT progress.phase,
       coalesce(lockers_done, 0), coalesce(lockers_total, 0), coalesce(blocks_done, 0), coalesce(blocks_total, 0),
       coalesce(tuples_done, 0), coalesce(tuples_total, 0),
       pg_catalog.current_setting('block_size')::int, waits.for_pids
FROM (SELECT pg_catalog.pg_blocking_pids(%(pid)s) AS for_pids) AS waits
LEFT JOIN pg_catalog.pg_stat_progress_create_index AS progress ON progress.pid = %(pid)s
