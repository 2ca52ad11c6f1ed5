-- Which collations are these, and by which names are they called?
SELECT named.oid AS oid, namespace.nspname AS schema, named.collname AS name,
       pg_catalog.pg_collation_is_visible(named.oid) AS visible
FROM pg_catalog.pg_collation AS named
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = named.collnamespace
WHERE named.oid = ANY (%(oids)s::oid[]) OR named.collname = ANY (%(names)s::text[])
