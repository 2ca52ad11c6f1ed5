"""What makes a database not ready: one module, one rule."""
