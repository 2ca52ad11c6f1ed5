-- Who holds the deploy lock? A bigint key stands in pg_locks as its upper and lower half.
SELECT held.pid
FROM pg_catalog.pg_locks AS held
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND (held.classid::bigint << 32 | held.objid::bigint) = %(key)s
ORDER BY held.pid
