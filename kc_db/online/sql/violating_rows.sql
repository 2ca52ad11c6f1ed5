-- Which rows stand against a constraint that isn't there yet? How many there are, and some of them.
SELECT pg_catalog.count(*) OVER () AS all_rows, {shown}
FROM {table}
WHERE {violates}
LIMIT {most}
