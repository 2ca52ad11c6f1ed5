-- One key of sampled_keys.sql: its average width without NULLs, the share of NULLs, its alignment, and whether its type is fixed.
pg_catalog.json_build_array(
    coalesce(pg_catalog.avg(pg_catalog.pg_column_size({key})), 0)::float8,
    coalesce(pg_catalog.avg(pg_catalog.num_nulls({key})), 0)::float8,
    (SELECT CASE typalign WHEN 'c' THEN 1 WHEN 's' THEN 2 WHEN 'i' THEN 4 ELSE 8 END
     FROM pg_catalog.pg_type WHERE oid = pg_catalog.min(pg_catalog.pg_typeof({key})::oid)),
    (SELECT typlen > 0 FROM pg_catalog.pg_type WHERE oid = pg_catalog.min(pg_catalog.pg_typeof({key})::oid)))
