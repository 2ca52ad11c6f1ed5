-- Which prepared transactions does this database have? CONCURRENTLY waits for one that has locked the table, without end.
SELECT prepared.gid, prepared.owner::text, prepared.prepared AT TIME ZONE 'UTC' AS since
FROM pg_catalog.pg_prepared_xacts AS prepared
WHERE prepared.database = pg_catalog.current_database()
ORDER BY prepared.prepared
