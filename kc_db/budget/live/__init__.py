"""The server as it is now: its limits, who is connected, and how that compares with the budget."""
