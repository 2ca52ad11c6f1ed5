-- Which client backends are there, by role, application_name and database, kc-db's own left out?
-- Without pg_read_all_stats backend_type is NULL for the sessions of others. Of those, one with a role and a
-- database that is no walsender is a client backend or one of its parallel workers: they are counted apart.
-- A session without a role is still logging in.
SELECT
    activity.usename::text AS role,
    coalesce(activity.application_name, '') AS application_name,
    coalesce(activity.datname, '')::text AS database,
    count(*) FILTER (WHERE activity.backend_type = 'client backend')::integer AS certain,
    count(*) FILTER (WHERE activity.backend_type IS NULL)::integer AS hidden,
    role.rolsuper OR EXISTS (
        SELECT FROM pg_roles AS reserve  -- exists since PostgreSQL 16
        WHERE reserve.rolname = 'pg_use_reserved_connections' AND pg_has_role(role.oid, reserve.oid, 'USAGE')
    ) AS is_privileged
FROM pg_stat_activity AS activity
JOIN pg_roles AS role ON role.oid = activity.usesysid
WHERE activity.pid <> pg_backend_pid()
    AND (
        activity.backend_type = 'client backend'
        OR (
            activity.backend_type IS NULL
            AND activity.datid IS NOT NULL
            AND NOT EXISTS (SELECT FROM pg_stat_replication AS walsender WHERE walsender.pid = activity.pid)
        )
    )
GROUP BY activity.usename, activity.application_name, activity.datname, role.oid, role.rolsuper
ORDER BY 1, 2, 3;
