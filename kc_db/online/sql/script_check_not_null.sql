-- Is the column NOT NULL, for all rows?
DO $kc$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
                 WHERE attrelid = to_regclass({table}) AND attname = {column} AND attnotnull)
     OR EXISTS (SELECT FROM pg_catalog.pg_constraint
                JOIN pg_catalog.pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
                WHERE conrelid = to_regclass({table}) AND contype = 'n' AND attname = {column} AND NOT convalidated) THEN
    RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint};
  END IF;
END $kc$
