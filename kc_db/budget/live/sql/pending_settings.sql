-- Which settings that decide about connections were changed in the configuration and wait for a restart?
-- The last column says whether this role may ask what they were changed to.
SELECT
    name,
    setting,
    has_table_privilege('pg_file_settings', 'SELECT')
    AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
FROM pg_settings
WHERE pending_restart
    AND name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
ORDER BY name;
