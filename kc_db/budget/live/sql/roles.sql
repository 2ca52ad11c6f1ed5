-- How many sessions may each role have, and does the limit hold for it? PostgreSQL's own roles can't log in.
SELECT rolname::text, rolconnlimit, rolsuper, rolcanlogin
FROM pg_roles
WHERE rolname !~ '^pg_'
ORDER BY rolname;
