-- How old may what a query here doesn't see yet be, in seconds, and does the primary send? All that has arrived has been replayed:
-- 0, while the primary is connected; else the age of the newest replayed commit, NULL where none is known.
SELECT CASE WHEN receiver.runs
             AND pg_catalog.pg_last_wal_receive_lsn() <= pg_catalog.pg_last_wal_replay_lsn() THEN 0::float8
            ELSE greatest(extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()), 0)::float8
       END AS lag_s,
       receiver.runs AS is_connected
FROM (SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_get_wal_receiver() AS receiver WHERE receiver.pid IS NOT NULL) AS runs)
     AS receiver
