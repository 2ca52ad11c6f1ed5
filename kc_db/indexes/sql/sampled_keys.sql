-- How wide are the keys of an index that isn't there yet, in a sample of its table's pages? Reads a bounded part of the table.
SELECT pg_catalog.count(*) AS rows, ARRAY[{keys_found}] AS columns
FROM (SELECT {keys} FROM {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (0) WHERE {predicate}) AS entry
