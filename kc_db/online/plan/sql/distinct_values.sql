-- How many different values does ANALYZE think that these columns have? Negative: their share of the rows.
SELECT known.attname AS column, known.n_distinct AS distinct
FROM pg_catalog.pg_stats AS known
WHERE known.schemaname = %(schema)s AND known.tablename = %(table)s
ORDER BY known.inherited
