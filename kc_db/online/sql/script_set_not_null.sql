-- A valid CHECK says it: nothing is read. Then the CHECK has done its work.
DO $kc$ BEGIN
  PERFORM set_config('lock_timeout', {timeout}, true);
  IF EXISTS (SELECT FROM pg_catalog.pg_constraint
             WHERE conrelid = to_regclass({table}) AND conname = {name} AND convalidated) THEN
    {statement};
    {drop};
  END IF;
END $kc$
