"""Reads compose files: services, their values, and the images that are PostgreSQL or PgBouncer."""
