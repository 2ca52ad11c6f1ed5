"""Alembic's version table, beside the revisions of the code."""

import pytest

from kc_db.ready.model import Revisions, Schema

REVISIONS = Revisions({"a": (), "b": ("a",), "c": ("b",), "other": ()}, ("c", "other"))


@pytest.mark.parametrize(
    ("versions", "overlapping"),
    [(("c",), ()), (("c", "other"), ()), (("b", "c"), ("b",)), (("a", "c", "other"), ("a",)), (None, ())],
)
def test_versions_that_stand_before_others(
    versions: tuple[str, ...] | None, overlapping: tuple[str, ...]
) -> None:
    assert Schema("alembic_version", versions, REVISIONS).overlapping == overlapping
