-- How far does each standby, or subscriber, lag behind in replaying? Only the pid is there for a role without pg_read_all_stats.
SELECT coalesce(nullif(application_name, ''), 'pid ' || pid) || coalesce(' (' || pg_catalog.host(client_addr) || ')', '') AS name,
       state IS NOT NULL AS is_visible,
       EXTRACT(epoch FROM replay_lag)::float8 AS lag_s,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn)::bigint AS lag_bytes
FROM pg_catalog.pg_stat_replication
WHERE state IS DISTINCT FROM 'backup'
ORDER BY 1
