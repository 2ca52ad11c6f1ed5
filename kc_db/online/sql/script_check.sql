-- Is it there, and what is wanted? The server writes the wanted one for an empty copy of the table.
DO $kc$ DECLARE
  kc_found text := (SELECT pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
                    WHERE conrelid = to_regclass({table}) AND conname = {name});
  kc_wanted text;
BEGIN
  CREATE TEMPORARY TABLE {copy} (LIKE {original});
  {statement};
  SELECT pg_catalog.pg_get_constraintdef(oid) INTO kc_wanted FROM pg_catalog.pg_constraint
  WHERE conrelid = to_regclass({copy_name}) AND conname = {name};
  DROP TABLE pg_temp.{copy};
  IF kc_found IS DISTINCT FROM kc_wanted THEN
    RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint},
      DETAIL = coalesce('There is: ' || kc_found, 'There is none of this name on the table.');
  END IF;
END $kc$
