-- Which index builds run on these tables right now?
SELECT build.pid, namespace.nspname AS schema, relation.relname AS table, build.phase
FROM pg_catalog.pg_stat_progress_create_index AS build
JOIN pg_catalog.pg_class AS relation ON relation.oid = build.relid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE build.datname = pg_catalog.current_database()
  AND build.relid IN (SELECT pg_catalog.to_regclass(name) FROM unnest(%(names)s::text[]) AS wanted (name))
ORDER BY build.pid
