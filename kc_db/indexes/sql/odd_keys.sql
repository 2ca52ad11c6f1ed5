-- Which unique indexes of these tables have keys that may be NULL or are boolean, and which B-trees have columns of such declared
-- lengths that an entry may become too wide for a page? What is declared counts with the encoding's widest characters.
WITH encoding AS (
    SELECT pg_catalog.pg_encoding_max_length(encoding) AS most_bytes
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
), declared AS (
    SELECT attribute.attrelid, attribute.attnum,
           (CASE WHEN type.typtype = 'd' THEN type.typtypmod ELSE attribute.atttypmod END - 4) * encoding.most_bytes AS most_bytes
    FROM pg_catalog.pg_attribute AS attribute
    JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
    CROSS JOIN encoding
    WHERE attribute.attrelid = ANY (%(tables)s::oid[]) AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND attribute.attlen = -1
      AND (CASE WHEN type.typtype = 'd' THEN type.typbasetype ELSE type.oid END) IN ('varchar'::regtype, 'bpchar'::regtype)
      AND CASE WHEN type.typtype = 'd' THEN type.typtypmod ELSE attribute.atttypmod END > 4
), wide AS (
    SELECT attrelid FROM declared GROUP BY attrelid HAVING sum(most_bytes) > %(limit_bytes)s
)
SELECT index.indrelid AS table_oid, relation.relname AS name,
       coalesce(array_agg(attribute.attname::text ORDER BY part.position)
                FILTER (WHERE index.indisunique AND part.position <= index.indnkeyatts
                          AND NOT attribute.attnotnull AND NOT type.typnotnull
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS told
                                          WHERE told.conrelid = index.indrelid AND told.contype = 'c' AND told.convalidated
                                            AND told.conkey = ARRAY[attribute.attnum]
                                            AND pg_catalog.pg_get_constraintdef(told.oid)
                                                = pg_catalog.format('CHECK ((%%I IS NOT NULL))', attribute.attname))), '{}') AS nullable,
       coalesce(array_agg(attribute.attname::text ORDER BY part.position)
                FILTER (WHERE index.indisunique AND index.indnkeyatts > 1 AND part.position <= index.indnkeyatts
                          AND 'boolean'::regtype IN (type.oid, type.typbasetype)), '{}') AS booleans,
       coalesce(sum(declared.most_bytes) FILTER (WHERE relation.relam = btree.oid), 0) AS most_bytes
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
JOIN pg_catalog.pg_am AS btree ON btree.amname = 'btree'
CROSS JOIN LATERAL unnest(index.indkey::int2[]) WITH ORDINALITY AS part (number, position)
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
LEFT JOIN declared ON declared.attrelid = index.indrelid AND declared.attnum = part.number
WHERE index.indrelid = ANY (%(tables)s::oid[])
  AND (index.indisunique AND NOT index.indisprimary OR index.indrelid IN (SELECT attrelid FROM wide)
       OR index.indisprimary AND index.indnkeyatts > 1)
GROUP BY index.indrelid, relation.relname
HAVING bool_or(index.indisunique AND NOT attribute.attnotnull)
    OR bool_or(index.indisunique AND 'boolean'::regtype IN (type.oid, type.typbasetype))
    OR sum(declared.most_bytes) > %(limit_bytes)s
