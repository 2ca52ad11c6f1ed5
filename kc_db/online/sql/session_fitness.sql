-- May this session change anything here, and which of what it needs does its role lack?
SELECT pg_catalog.pg_is_in_recovery() AS is_standby,
       pg_catalog.current_setting('transaction_read_only')::boolean AS is_read_only,
       pg_catalog.current_setting('server_version_num')::integer AS version,
       current_user::text AS role,
       pg_catalog.current_database()::text AS database,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') AS may_temp,
       pg_catalog.current_schema()::text AS schema,
       coalesce(pg_catalog.has_schema_privilege(pg_catalog.current_schema(), 'CREATE'), false) AS may_create
