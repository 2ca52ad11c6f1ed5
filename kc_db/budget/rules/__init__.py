"""What can be wrong with a fleet: one module per rule, each `check(fleet)`."""
