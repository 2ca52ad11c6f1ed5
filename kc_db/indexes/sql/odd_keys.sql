-- Which unique indexes of these tables have keys that may be NULL or are boolean, and which B-trees have columns of such declared
-- lengths that an entry may become too wide for a page? What is declared counts with the encoding's widest characters.
WITH encoding AS (
    SELECT pg_catalog.pg_encoding_max_length(encoding) AS most_bytes
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
), odd AS MATERIALIZED (
    SELECT attribute.attrelid, attribute.attnum, attribute.attname,
           NOT attribute.attnotnull AND NOT type.typnotnull AS nullable,
           based.type = 'boolean'::regtype AS is_boolean,
           CASE WHEN based.type IN ('varchar'::regtype, 'bpchar'::regtype) AND based.modifier > 4
                THEN (based.modifier - 4) * encoding.most_bytes END AS most_bytes
    FROM pg_catalog.pg_attribute AS attribute
    JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
    CROSS JOIN LATERAL (SELECT CASE WHEN type.typtype = 'd' THEN type.typbasetype ELSE type.oid END AS type,
                               CASE WHEN type.typtype = 'd' THEN type.typtypmod ELSE attribute.atttypmod END AS modifier) AS based
    CROSS JOIN encoding
    WHERE attribute.attrelid = ANY (%(tables)s::oid[]) AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND (NOT attribute.attnotnull OR based.type = 'boolean'::regtype OR based.modifier > 4)
), part AS (
    SELECT index.indrelid, index.indexrelid, odd.*, position,
           index.indisunique AND position <= index.indnkeyatts AS is_unique,
           index.indnkeyatts > 1 AS has_others, relation.relname, method.amname
    FROM odd
    JOIN pg_catalog.pg_index AS index ON index.indrelid = odd.attrelid AND odd.attnum = ANY (index.indkey::int2[])
    JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
    JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
    CROSS JOIN LATERAL (SELECT array_position(index.indkey::int2[], odd.attnum) + 1) AS place (position)
    WHERE index.indisunique OR odd.most_bytes > 0
)
SELECT part.indrelid AS table_oid, part.relname AS name,
       coalesce(array_agg(part.attname::text ORDER BY part.position)
                FILTER (WHERE part.is_unique AND part.nullable
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS told
                                          WHERE told.conrelid = part.indrelid AND told.contype = 'c' AND told.convalidated
                                            AND told.conkey = ARRAY[part.attnum]
                                            AND pg_catalog.pg_get_constraintdef(told.oid)
                                                = pg_catalog.format('CHECK ((%%I IS NOT NULL))', part.attname))), '{}') AS nullable,
       coalesce(array_agg(part.attname::text ORDER BY part.position)
                FILTER (WHERE part.is_unique AND part.has_others AND part.is_boolean), '{}') AS booleans,
       coalesce(sum(part.most_bytes) FILTER (WHERE part.amname = 'btree'), 0) AS most_bytes
FROM part
GROUP BY part.indrelid, part.relname
HAVING bool_or(part.is_unique AND (part.nullable OR part.is_boolean)) OR sum(part.most_bytes) > %(limit_bytes)s
