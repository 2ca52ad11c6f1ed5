-- Renames it, unless that has been done; reads and writes go on.
DO $kc$ DECLARE
  kc_there name[] := ARRAY(SELECT relname FROM pg_catalog.pg_index JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid
                           WHERE indrelid = to_regclass({table}) AND relname IN ({name}, {new_name}));
BEGIN
  IF kc_there = ARRAY[{name}]::name[] THEN
    IF EXISTS (SELECT FROM pg_catalog.pg_constraint
               WHERE conrelid = to_regclass({table}) AND conname = {name} AND contype IN ('p', 'u', 'x')) THEN
      RAISE EXCEPTION USING MESSAGE = {constraint_message};
    END IF;
    PERFORM set_config('lock_timeout', {timeout}, true);
    {statement};
  ELSIF kc_there <> ARRAY[{new_name}]::name[] THEN
    RAISE EXCEPTION USING MESSAGE = {message};
  END IF;
END $kc$
