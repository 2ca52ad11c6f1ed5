-- Which databases let only so many sessions in? -1 is no limit, -2 a database that a failed DROP left behind.
SELECT datname::text, quote_ident(datname), datconnlimit, datname = current_database()
FROM pg_database
WHERE datconnlimit >= 0 AND datallowconn AND NOT datistemplate
ORDER BY datname;
