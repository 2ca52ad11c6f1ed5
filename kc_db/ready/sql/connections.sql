-- How many connections do the limits grant that this role meets, how many are taken, and of how many isn't it known what they are?
-- A session of another role hides its backend_type from a role without pg_read_all_stats: it is taken for a client's, which at most
-- adds parallel workers and logical walsenders. The limits of a role and of a database don't hold for superusers.
WITH session AS (
    SELECT datid, usesysid, backend_type IS NULL AS is_hidden
    FROM pg_catalog.pg_stat_activity
    WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL)
), reserve AS (
    SELECT pg_catalog.sum(coalesce(nullif(pg_catalog.current_setting(name, true), '')::integer, 0))::integer AS connections
    FROM (VALUES ('superuser_reserved_connections'), ('reserved_connections'), ('rds.rds_superuser_reserved_connections')) AS known (name)
)
SELECT 'the server' AS whose, 'max_connections' AS setting,
       pg_catalog.current_setting('max_connections')::integer - reserve.connections AS granted,
       (SELECT pg_catalog.count(*) FROM session) AS taken,
       (SELECT pg_catalog.count(*) FROM session WHERE is_hidden) AS hidden
FROM reserve
UNION ALL
SELECT 'database ' || database.datname, 'CONNECTION LIMIT', database.datconnlimit,
       (SELECT pg_catalog.count(*) FROM session WHERE session.datid = database.oid),
       (SELECT pg_catalog.count(*) FROM session WHERE session.datid = database.oid AND is_hidden)
FROM pg_catalog.pg_database AS database
WHERE database.datname = pg_catalog.current_database() AND database.datconnlimit >= 0
UNION ALL
SELECT 'role ' || role.rolname, 'CONNECTION LIMIT', role.rolconnlimit,
       (SELECT pg_catalog.count(*) FROM session WHERE session.usesysid = role.oid),
       (SELECT pg_catalog.count(*) FROM session WHERE session.usesysid = role.oid AND is_hidden)
FROM pg_catalog.pg_roles AS role
WHERE role.rolname = session_user AND role.rolconnlimit >= 0 AND NOT role.rolsuper
