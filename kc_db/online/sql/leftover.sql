-- Is this relation an index that is INVALID, that nobody builds, and that nothing stands on or is attached to?
SELECT NOT index.indisvalid
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index AS build
                       WHERE build.index_relid = index.indexrelid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS standing WHERE standing.conindid = index.indexrelid)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS parent WHERE parent.inhrelid = index.indexrelid)
FROM pg_catalog.pg_index AS index
WHERE index.indexrelid = pg_catalog.to_regclass(%(name)s)
