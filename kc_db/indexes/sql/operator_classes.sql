-- Which operator classes are there, by which names are they called, and which of them do the same?
SELECT class.oid AS oid, method.amname AS method, namespace.nspname AS schema, class.opcname AS name,
       class.opcfamily AS family, class.opcintype AS input_type,
       pg_catalog.pg_opclass_is_visible(class.oid) AS visible
FROM pg_catalog.pg_opclass AS class
JOIN pg_catalog.pg_am AS method ON method.oid = class.opcmethod
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.opcnamespace
ORDER BY class.opcdefault DESC, class.opcname
