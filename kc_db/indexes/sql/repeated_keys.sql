-- Which keys of a unique index that isn't there yet do several rows have? The most frequent first; and how many there are.
SELECT pg_catalog.count(*) OVER () AS keys, pg_catalog.sum(rows) OVER () AS all_rows, rows, {texts}
FROM (SELECT {names}, pg_catalog.count(*) AS rows
      FROM (SELECT {keys} FROM ONLY {table} WHERE {predicate}) AS entry
      WHERE {repeatable}
      GROUP BY {names}
      HAVING pg_catalog.count(*) > 1) AS repeated
ORDER BY rows DESC, {names}
LIMIT {most}
