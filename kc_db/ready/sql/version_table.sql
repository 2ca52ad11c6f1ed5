-- Which table does the name of Alembic's version table mean here? NULL if there is none.
SELECT pg_catalog.to_regclass(%(name)s)::text
