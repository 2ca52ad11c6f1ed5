-- Adds it, unless one of this name is there. Waits a moment for its locks, and holds them for a moment.
DO $kc$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass({table}) AND conname = {name}) THEN
    PERFORM set_config('lock_timeout', {timeout}, true);
    {statement};
  END IF;
END $kc$
