-- How far is the statement that this backend runs, and whom does it wait for?
SELECT coalesce(progress.phase, CASE WHEN cardinality(waits.for_pids) > 0 THEN 'waiting for a lock' ELSE 'running' END),
       CASE WHEN lockers_total > 0 AND phase LIKE 'waiting%%' THEN format('%%s of %%s lockers gone', lockers_done, lockers_total)
            WHEN blocks_total > 0 AND blocks_done < blocks_total THEN format('%%s %%%%', blocks_done * 100 / blocks_total)
            WHEN tuples_total > 0 THEN format('%%s %%%%', tuples_done * 100 / tuples_total)
            ELSE '' END,
       (SELECT string_agg(concat_ws(', ', 'pid ' || activity.pid, nullif(activity.application_name, ''), activity.state,
                                    'since ' || to_char(activity.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"')),
                          '; ' ORDER BY activity.pid)
        FROM pg_catalog.pg_stat_activity AS activity WHERE activity.pid = ANY (waits.for_pids)) AS blockers
FROM (SELECT pg_catalog.pg_blocking_pids(%(pid)s) AS for_pids) AS waits
LEFT JOIN pg_catalog.pg_stat_progress_create_index AS progress ON progress.pid = %(pid)s
