"""TOML files that people write: reading them, and pointing at what is wrong in them."""
