-- Which foreign keys do these tables have whose rows some table (a partition, of a partitioned one) finds by no index without
-- a predicate; and which predicates have those with one? An index serves if its first keys are the foreign key's columns, in any
-- order, with an operator class that knows the operator, and a collation that is the column's own.
WITH RECURSIVE foreign_key (root, oid, conrelid, conkey, conpfeqop) AS (
    SELECT oid, oid, conrelid, conkey, conpfeqop
    FROM pg_catalog.pg_constraint AS declared
    WHERE contype = 'f' AND conrelid = ANY (%(tables)s::oid[]) AND conparentid = 0
      AND pg_catalog.to_jsonb(declared) ->> 'conenforced' IS DISTINCT FROM 'false' -- which came with PostgreSQL 18
    UNION ALL
    SELECT foreign_key.root, child.oid, child.conrelid, child.conkey, child.conpfeqop
    FROM foreign_key JOIN pg_catalog.pg_constraint AS child ON child.conparentid = foreign_key.oid AND child.contype = 'f'
), searched AS (
    SELECT DISTINCT ON (foreign_key.root, foreign_key.conrelid) foreign_key.*
    FROM foreign_key JOIN pg_catalog.pg_class AS relation ON relation.oid = foreign_key.conrelid AND relation.relkind = 'r'
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_operator
                      WHERE oid = ANY (foreign_key.conpfeqop) AND NOT (oprcanhash OR oprcanmerge))
), serving AS (
    SELECT searched.root, searched.conrelid, pg_catalog.pg_get_expr(index.indpred, index.indrelid) AS predicate
    FROM searched
    JOIN pg_catalog.pg_index AS index ON index.indrelid = searched.conrelid
    JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
    JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
    WHERE index.indisvalid AND index.indisready AND index.indislive
      AND method.amname IN ('btree', 'hash', 'gist', 'spgist')
      AND index.indnkeyatts >= cardinality(searched.conkey)
      AND NOT EXISTS (
          SELECT FROM unnest(searched.conkey, searched.conpfeqop) AS part (number, operator)
          WHERE NOT EXISTS (
              SELECT FROM generate_series(0, cardinality(searched.conkey) - 1) AS position
              JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
              JOIN pg_catalog.pg_opclass AS class ON class.oid = index.indclass[position]
              JOIN pg_catalog.pg_operator AS operator ON operator.oid = part.operator
              JOIN pg_catalog.pg_amop AS known ON known.amopfamily = class.opcfamily AND known.amoppurpose = 's'
                                              AND known.amopopr IN (operator.oid, operator.oprcom)
              WHERE index.indkey[position] = part.number AND index.indcollation[position] IN (0, attribute.attcollation)))
)
SELECT named.conrelid AS table_oid, named.conname AS name,
       ARRAY (SELECT attribute.attname::text
              FROM unnest(named.conkey) WITH ORDINALITY AS part (number, position)
              JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = named.conrelid AND attribute.attnum = part.number
              ORDER BY part.position) AS columns,
       namespace.nspname || '.' || referenced.relname AS referenced,
       ARRAY (SELECT serving.predicate FROM serving
              WHERE serving.root = searched.root AND serving.conrelid = searched.conrelid) AS predicates
FROM searched
JOIN pg_catalog.pg_constraint AS named ON named.oid = searched.root
JOIN pg_catalog.pg_class AS referenced ON referenced.oid = named.confrelid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = referenced.relnamespace
WHERE NOT EXISTS (SELECT FROM serving
                  WHERE serving.root = searched.root AND serving.conrelid = searched.conrelid AND serving.predicate IS NULL)
ORDER BY table_oid, named.conname
