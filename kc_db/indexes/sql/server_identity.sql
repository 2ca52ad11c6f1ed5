-- Which database is this, is it a standby's, and may the role ask which cluster it belongs to?
SELECT pg_catalog.current_database() AS name, pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS may_ask
