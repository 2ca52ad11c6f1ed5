-- Which columns do these tables have, of which type and collation?
SELECT attrelid AS table_oid, attnum AS number, attname AS name, atttypid AS type, attcollation AS collation
FROM pg_catalog.pg_attribute
WHERE attrelid = ANY (%(tables)s::oid[]) AND attnum > 0 AND NOT attisdropped
