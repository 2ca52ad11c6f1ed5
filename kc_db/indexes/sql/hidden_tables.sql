-- Which of these tables stand in a schema of the search_path that the role may not use? current_schemas() leaves those out.
SELECT current_user AS role, namespace.nspname AS schema, relation.relname AS name
FROM pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.current_setting('search_path'), ',')) AS listed (entry)
CROSS JOIN LATERAL (SELECT pg_catalog.replace(pg_catalog.btrim(entry, ' "'), '$user', current_user)) AS searched (schema)
JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = searched.schema
JOIN pg_catalog.pg_class AS relation ON relation.relnamespace = namespace.oid AND relation.relkind IN ('r', 'p', 'm')
WHERE relation.relname = ANY (%(names)s::text[])
  AND NOT pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
ORDER BY schema, name
