"""Whether a database is ready for the services: asked between migration and roll-out, and by probes."""
