"""kc-db keeps a PostgreSQL fleet's indexes and connections right."""

__version__ = "0.1.0"
