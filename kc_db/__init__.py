"""kc-db keeps a PostgreSQL fleet's indexes and connections right."""
