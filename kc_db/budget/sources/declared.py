"""Connection limits as the budget file declares them."""

from collections.abc import Mapping
from dataclasses import fields

from kc_db.budget.model import Limits

SETTINGS = tuple(field.name for field in fields(Limits))


def declared_limits(settings: Mapping[str, int]) -> Limits:
    """The declared settings, PostgreSQL's defaults for those that the file doesn't state.

    max_connections has no default: 0 stands for one that is still to be read from the server.
    """
    return Limits(**{"max_connections": 0, **settings})
