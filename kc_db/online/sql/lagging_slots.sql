-- Which replication slots keep much WAL, or have lost it? A build writes about as much as the index is large.
SELECT slot.slot_name::text AS name, slot.active, coalesce(slot.wal_status, '') AS status,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), slot.restart_lsn)::bigint AS lag_bytes
FROM pg_catalog.pg_replication_slots AS slot
WHERE slot.wal_status IN ('lost', 'unreserved')
   OR pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), slot.restart_lsn) > %(more_than_bytes)s
ORDER BY slot.slot_name
