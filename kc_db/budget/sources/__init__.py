"""Where a server's connection limits are known from: one module per source."""
