"""What the pending revisions would do: statements, locks, sizes, times; nothing is changed."""
