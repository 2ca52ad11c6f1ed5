-- Waits a moment for its locks, and holds them for a moment.
DO $kc$ BEGIN
  PERFORM set_config('lock_timeout', {timeout}, true);
  {statement};
END $kc$
