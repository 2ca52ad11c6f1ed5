-- What else has these names in these schemas? Relations share one namespace, and an index has its table's schema.
SELECT namespace.nspname AS schema, relation.relname AS name,
       CASE WHEN index.indrelid IS NOT NULL THEN 'an index on ' || index.indrelid::regclass::text
            WHEN relation.relkind = 'S' THEN 'a sequence'
            WHEN relation.relkind IN ('v', 'm') THEN 'a view'
            ELSE 'a table' END AS what
FROM pg_catalog.pg_class AS relation
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = relation.oid
WHERE relation.relname = ANY (%(names)s::text[]) AND namespace.nspname = ANY (%(schemas)s::text[])
