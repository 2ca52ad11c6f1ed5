-- The new one takes the name, unless the one that has it is equal already; reads and writes go on.
DO $kc$ DECLARE
  kc_there oid;
  kc_is_equal boolean;
BEGIN
  SELECT there.indexrelid,
         there.indisvalid AND there.indisready AND there.indislive AND there.indimmediate
         AND there.indisunique = passing.indisunique
         AND regexp_replace(pg_catalog.pg_get_indexdef(there.indexrelid), '^.*? USING ', '')
           = regexp_replace(pg_catalog.pg_get_indexdef(passing.indexrelid), '^.*? USING ', '')
  INTO kc_there, kc_is_equal
  FROM pg_catalog.pg_index AS there
  JOIN pg_catalog.pg_class AS there_name ON there_name.oid = there.indexrelid AND there_name.relname = {name}
  JOIN pg_catalog.pg_index AS passing ON passing.indrelid = there.indrelid
  JOIN pg_catalog.pg_class AS passing_name ON passing_name.oid = passing.indexrelid AND passing_name.relname = {passing}
  WHERE there.indrelid = to_regclass({table});
  PERFORM set_config('lock_timeout', {timeout}, true);
  IF kc_there IS NULL THEN
    {take};
  ELSIF kc_is_equal IS NOT TRUE THEN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = kc_there) THEN
      RAISE EXCEPTION USING MESSAGE = {message};
    END IF;
    {away};
    {take};
  END IF;
END $kc$
