-- May this role make temporary tables here?
SELECT pg_catalog.pg_is_in_recovery() AS standby, current_user AS role, pg_catalog.current_database() AS database,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') AS permitted
