-- Is it there, and what is wanted?
DO $kc$ DECLARE
  kc_found text := (SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
                    WHERE conrelid = to_regclass({table}) AND conname = {name});
BEGIN
  IF kc_found IS DISTINCT FROM replace({wanted}, '%s', to_regclass({other})::text) THEN
    RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint},
      DETAIL = coalesce('There is: ' || kc_found, 'There is none of this name on the table.');
  END IF;
END $kc$
