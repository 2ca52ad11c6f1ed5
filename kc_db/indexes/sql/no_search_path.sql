-- From here on the transaction writes every name but pg_catalog's with its schema, whatever the role's search_path.
SELECT pg_catalog.set_config('search_path', '', true)
