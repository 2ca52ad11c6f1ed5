"""How many sessions each role may have, so that PostgreSQL itself holds a fleet to its budget."""
