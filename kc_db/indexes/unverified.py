"""The one finding that no rule makes: a database of several that could not be looked at."""

UNVERIFIED = "unverified-target"
UNVERIFIED_DOCUMENTATION = """One of several databases could not be looked at.

If you leave it: nothing is known of its indexes; kc-db ends with exit code 3 unless another one has findings.

To mend it: the message says what its server or libpq said. The other databases were verified all the same.
"""
