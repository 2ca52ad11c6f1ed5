-- Reads the rows, under a lock that lets reads and writes pass.
DO $kc$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_constraint
             WHERE conrelid = to_regclass({table}) AND conname = {name} AND NOT convalidated) THEN
    {statement};
  END IF;
END $kc$
