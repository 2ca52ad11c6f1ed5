-- Who are these backends, and what do they run? A role that may not see it finds no state and no statement; pid 0 is a prepared transaction.
SELECT wanted.pid, coalesce(activity.application_name, ''), coalesce(activity.usename::text, ''), coalesce(activity.state, ''),
       coalesce(pg_catalog.to_char(coalesce(activity.xact_start, activity.backend_start) AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"'), ''),
       CASE WHEN activity.state IS NULL THEN '' ELSE coalesce(activity.query, '') END
FROM (SELECT DISTINCT pg_catalog.unnest(%(pids)s::int[]) AS pid) AS wanted
LEFT JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
ORDER BY wanted.pid
