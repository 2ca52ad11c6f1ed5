-- How many connections does this server grant, and how many of them does it reserve for whom?
-- reserved_connections exists since PostgreSQL 16, the rds. settings on RDS only, the second one on its newer
-- minor versions: NULL where there is none.
SELECT
    current_setting('max_connections')::integer AS max_connections,
    current_setting('superuser_reserved_connections')::integer AS superuser_reserved_connections,
    current_setting('reserved_connections', true)::integer AS reserved_connections,
    (
        SELECT sum(nullif(current_setting(name, true), '')::integer)::integer
        FROM (VALUES ('rds.rds_superuser_reserved_connections'), ('rds.rds_reserved_connections')) AS vendor (name)
    ) AS vendor_reserved_connections;
