-- Is this server a standby?
SELECT pg_catalog.pg_is_in_recovery() AS is_standby
