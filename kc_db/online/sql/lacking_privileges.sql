-- Which of these tables does the role not own, and in which of their schemas may it not create?
SELECT DISTINCT namespace.nspname AS schema, relation.relname AS name, pg_catalog.pg_get_userbyid(relation.relowner)::text AS owner,
       pg_catalog.pg_has_role(relation.relowner, 'USAGE') AS owns,
       pg_catalog.has_schema_privilege(namespace.oid, 'CREATE') AS may_create
FROM unnest(%(names)s::text[]) AS wanted (name)
JOIN pg_catalog.pg_class AS relation ON relation.oid = pg_catalog.to_regclass(wanted.name)
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE NOT (pg_catalog.pg_has_role(relation.relowner, 'USAGE') AND pg_catalog.has_schema_privilege(namespace.oid, 'CREATE'))
ORDER BY 1, 2
