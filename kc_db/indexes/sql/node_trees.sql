-- How does the server hold the expressions and predicates of this session's temporary indexes? Without what equal() passes over
-- (src/backend/nodes/equalfuncs.c): in which form a call or a cast was written, and where.
SELECT relation.relname AS name,
       pg_catalog.regexp_replace(index.indexprs::text, ' :\w*(format|location) -?\d+', '', 'g') AS keys,
       pg_catalog.regexp_replace(index.indpred::text, ' :\w*(format|location) -?\d+', '', 'g') AS predicate
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
WHERE relation.relnamespace = pg_catalog.pg_my_temp_schema()
