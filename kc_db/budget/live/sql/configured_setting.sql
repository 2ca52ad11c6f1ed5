-- What does the configuration say of a setting? The entry that is read last counts.
SELECT setting FROM pg_file_settings WHERE name = %(name)s ORDER BY seqno DESC LIMIT 1;
