-- How far is the build that this backend runs?
SELECT phase,
       CASE WHEN lockers_total > 0 AND phase LIKE 'waiting%%' THEN format('%%s of %%s lockers gone', lockers_done, lockers_total)
            WHEN blocks_total > 0 AND blocks_done < blocks_total THEN format('%%s %%%%', blocks_done * 100 / blocks_total)
            WHEN tuples_total > 0 THEN format('%%s %%%%', tuples_done * 100 / tuples_total)
            ELSE '' END
FROM pg_catalog.pg_stat_progress_create_index
WHERE pid = %(pid)s
