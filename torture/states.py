"""The states of a database in which a deploy may begin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString

from tests.deploys import damage, start
from torture.machine import connected

HEAD = "0010"
_PATIENCE_S = 300
INDEXES = (
    ("payments_provider_payment_id_key", "UNIQUE", "payments (provider_payment_id)"),
    ("payments_student_id_status_created_at_idx", "", "payments (student_id, status, created_at)"),
    (
        "purchases_student_id_course_id_is_active_key",
        "UNIQUE",
        "purchases (student_id, course_id, is_active)",
    ),
    ("purchases_student_id_created_at_idx", "", "purchases (student_id, created_at)"),
    (
        "sessions_allocation_id_scheduled_date_scheduled_time_key",
        "UNIQUE",
        "sessions (allocation_id, scheduled_date, scheduled_time)",
    ),
    ("sessions_student_id_scheduled_date_idx", "", "sessions (student_id, scheduled_date)"),
    ("sessions_trainer_id_scheduled_date_idx", "", "sessions (trainer_id, scheduled_date)"),
    ("allocations_student_id_course_id_status_idx", "", "allocations (student_id, course_id, status)"),
    ("allocations_trainer_id_status_idx", "", "allocations (trainer_id, status)"),
)
"""The indexes of revisions 0002 to 0010, in their order."""

# Enough that each phase of a build can be seen from outside.
_ROWS: LiteralString = """
INSERT INTO allocations (student_id, course_id, trainer_id)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid() FROM generate_series(1, 40000);
INSERT INTO payments (student_id, provider, provider_payment_id, amount_minor, currency)
SELECT gen_random_uuid(), 'stripe', 'pi_' || gen_random_uuid(), n, 'EUR' FROM generate_series(1, 40000) AS n;
INSERT INTO purchases (student_id, course_id, price_minor, currency)
SELECT gen_random_uuid(), gen_random_uuid(), n, 'EUR' FROM generate_series(1, 40000) AS n;
INSERT INTO sessions (allocation_id, student_id, trainer_id, scheduled_date, scheduled_time)
SELECT id, student_id, trainer_id, '2026-11-22', '16:00' FROM allocations;
"""
_SOMEBODY_ELSES: LiteralString = """
DROP TABLE alembic_version;
CREATE INDEX by_status ON payments (student_id, status, created_at);
ALTER TABLE sessions ADD CONSTRAINT slot UNIQUE (allocation_id, scheduled_date, scheduled_time);
"""


@dataclass(frozen=True, slots=True)
class State:
    """A database before a deploy.

    Attributes:
        name: what the report calls it.
        make: takes an empty database there.
        missing: the indexes that the deploy has to build, by name.
        leftover: whether an INVALID index stands in the way of the first one.
        has_tables: whether the four tables are there, with rows.
        has_revision: whether Alembic has been there.
        accepted: what verify-indexes may say of it afterwards, beside information.
    """

    name: str
    make: Callable[[str], None]
    missing: frozenset[str]
    leftover: bool = False
    has_tables: bool = True
    has_revision: bool = True
    accepted: Mapping[str, int] = field(default_factory=dict)


def _migrate(url: str, revision: str) -> None:
    with start("upgrade", revision, url=url) as process:
        _, said = process.communicate(timeout=_PATIENCE_S)
    if process.returncode:
        raise RuntimeError(said)


def _execute(url: str, statements: LiteralString) -> None:
    with connected(url) as connection:
        connection.execute(statements)


def _after(revision: int) -> frozenset[str]:
    return frozenset(name for name, _, _ in INDEXES[revision - 1 :])


def _at(revision: int) -> State:
    def make(url: str) -> None:
        _migrate(url, "0001")
        _execute(url, _ROWS)
        if revision > 1:
            _migrate(url, f"{revision:04}")

    return State(f"at {revision:04}", make, _after(revision))


def _unfinished(revision: int, what: str, flags: str) -> State:
    """At a revision, with something of the next one's index."""

    def make(url: str) -> None:
        _at(revision).make(url)
        name, unique, on = INDEXES[revision - 1]
        with connected(url) as connection:
            connection.execute(f"CREATE {unique} INDEX {name} ON {on}".encode())
            if flags:
                damage(connection, name, flags)

    missing = _after(revision if flags else revision + 1)
    return State(f"at {revision:04}, {what}", make, missing, leftover=bool(flags))


def _adopted(url: str) -> None:
    _at(1).make(url)
    _execute(url, _SOMEBODY_ELSES)


STATES = (
    State("empty", lambda _: None, _after(1), has_tables=False, has_revision=False),
    State(
        "adopted",
        _adopted,
        _after(1) - {INDEXES[1][0], INDEXES[4][0]},
        has_revision=False,
        accepted={"misnamed-index": 2},
    ),
    *map(_at, (1, 3, 5, 8)),
    _unfinished(1, "INVALID", "indisvalid indisready"),
    _unfinished(3, "INVALID, takes writes", "indisvalid"),
    _unfinished(5, "half dropped", "indisvalid indisready indislive"),
    _unfinished(5, "built, not stamped", ""),
    _unfinished(9, "INVALID, takes writes", "indisvalid"),
)
