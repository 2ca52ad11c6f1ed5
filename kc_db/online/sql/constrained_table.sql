-- What kind of relation is this, which columns has it, which of them are NOT NULL, and which are its primary key?
SELECT relkind::text,
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped) AS columns,
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped AND attnotnull) AS not_null,
       ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute
             JOIN pg_catalog.pg_constraint ON conrelid = attrelid AND contype = 'p' AND attnum = ANY (conkey)
             WHERE attrelid = relation.oid ORDER BY pg_catalog.array_position(conkey, attnum)) AS primary_key
FROM pg_catalog.pg_class AS relation
WHERE relation.oid = pg_catalog.to_regclass(%(table)s)
