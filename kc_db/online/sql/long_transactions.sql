-- Which other transactions in this database hold a snapshot or an id for long? CONCURRENTLY waits for them.
SELECT activity.pid, coalesce(activity.usename, '')::text AS user, coalesce(activity.application_name, '') AS application,
       coalesce(activity.state, '') AS state, activity.xact_start AT TIME ZONE 'UTC' AS since,
       extract(epoch FROM pg_catalog.clock_timestamp() - activity.xact_start)::float8 AS seconds
FROM pg_catalog.pg_stat_activity AS activity
WHERE activity.datname = pg_catalog.current_database() AND activity.pid <> pg_catalog.pg_backend_pid()
  AND activity.backend_type = 'client backend'
  AND (activity.backend_xmin IS NOT NULL OR activity.backend_xid IS NOT NULL OR activity.state LIKE 'idle in transaction%%')
  AND activity.xact_start < pg_catalog.clock_timestamp() - %(longer_than_s)s * interval '1 second'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build WHERE build.pid = activity.pid)
ORDER BY activity.xact_start
