-- Who holds the deploy lock? A bigint key stands in pg_locks as its upper and lower half.
SELECT concat_ws(', ', 'pid ' || activity.pid, nullif(activity.application_name, ''),
                 'since ' || to_char(activity.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS "UTC"'))
FROM pg_catalog.pg_locks AS held
JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND (held.classid::bigint << 32 | held.objid::bigint) = %(key)s
