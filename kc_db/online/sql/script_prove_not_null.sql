-- Says for a while what NOT NULL will say, so that SET NOT NULL has nothing to read.
DO $kc$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute
             WHERE attrelid = to_regclass({table}) AND attname = {column} AND NOT attnotnull)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass({table}) AND conname = {name}) THEN
    PERFORM set_config('lock_timeout', {timeout}, true);
    {statement};
  END IF;
END $kc$
