-- Which operator class does each index method give each of these types by default? As GetDefaultOpClass() in
-- src/backend/commands/indexcmds.c: the type's own; else the preferred one, else the only one, of those to which it is binary-coercible.
WITH RECURSIVE based (type, base) AS (
    SELECT type, type FROM unnest(%(types)s::oid[]) AS type
    UNION ALL
    SELECT based.type, domain.typbasetype
    FROM based JOIN pg_catalog.pg_type AS domain ON domain.oid = based.base WHERE domain.typtype = 'd'
), candidate AS (
    SELECT based.type, class.opcmethod, class.oid,
           class.opcintype = base.oid AS exact,
           input.typispreferred AND input.typcategory = base.typcategory AS preferred
    FROM based
    JOIN pg_catalog.pg_type AS base ON base.oid = based.base AND base.typtype <> 'd'
    JOIN pg_catalog.pg_opclass AS class ON class.opcdefault
    JOIN pg_catalog.pg_type AS input ON input.oid = class.opcintype
    WHERE class.opcintype = base.oid
       OR (input.typname = 'anyarray' AND base.typsubscript = 'array_subscript_handler'::regproc)
       OR (input.typname = 'anyenum' AND base.typtype = 'e')
       OR (input.typname = 'anyrange' AND base.typtype = 'r')
       OR (input.typname = 'anymultirange' AND base.typtype = 'm')
       OR (input.typname = 'record' AND base.typtype = 'c')
       OR EXISTS (SELECT FROM pg_catalog.pg_cast
                  WHERE castsource = base.oid AND casttarget = class.opcintype
                    AND castmethod = 'b' AND castcontext = 'i')
)
SELECT candidate.type AS type, method.amname AS method,
       coalesce(min(candidate.oid) FILTER (WHERE exact),
                CASE WHEN count(*) FILTER (WHERE preferred) = 1 THEN min(candidate.oid) FILTER (WHERE preferred) END,
                CASE WHEN count(*) FILTER (WHERE NOT preferred) = 1 THEN min(candidate.oid) FILTER (WHERE NOT preferred) END) AS oid
FROM candidate
JOIN pg_catalog.pg_am AS method ON method.oid = candidate.opcmethod
GROUP BY candidate.type, method.amname
