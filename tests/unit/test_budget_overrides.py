"""`--set`: what if?"""

from dataclasses import replace

import pytest

from kc_db.budget.model import Database, Fleet, Limits
from kc_db.budget.overrides import apply_overrides, parse_override
from kc_db.errors import InputError
from tests.budgets import make_fleet, service

FLEET = make_fleet(
    service("payment", has_own_pool_size=False),
    service("chat", pool_size=0, database=None),
    service("cache-worker", kind="workers"),
    service("session-worker", kind="workers"),
)


def override(*texts: str, fleet: Fleet = FLEET) -> Fleet:
    return apply_overrides(fleet, map(parse_override, texts))


def values(fleet: Fleet, key: str) -> list[object]:
    return [getattr(known, key) for known in fleet.services]


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("payment.instances=3", "instances", [3, 1, 1, 1]),
        ("*.instances=2", "instances", [2, 1, 2, 2]),
        ("*-worker.pool_size = 4", "pool_size", [10, 0, 4, 4]),
        ("*.pool_size=5", "pool_size", [5, 0, 5, 5]),
        ("payment.pool_size=0", "pool_size", [0, 0, 10, 10]),
        ("payment.deploy=blue-green", "deploy", ["blue-green", "rolling", "rolling", "rolling"]),
        ("payment.maximum_percent=150", "maximum_percent", [150, 200, 200, 200]),
    ],
)
def test_services(text: str, key: str, expected: list[object]) -> None:
    assert values(override(text), key) == expected


def test_a_pool_size_that_was_set_is_the_services_own() -> None:
    """So that a remedy names the service, not the defaults that it no longer follows."""
    assert values(override("payment.pool_size=3"), "has_own_pool_size") == [True] * 4
    assert values(override("payment.instances=3"), "has_own_pool_size") == [False, True, True, True]


def test_databases() -> None:
    (database,) = override("primary.max_connections=500", "primary.reserved_connections=7").databases
    assert (database.limits, database.source) == (Limits(500, reserved_connections=7), "override")


def test_policy() -> None:
    fleet = override("policy.deploys_at_once=2", "policy.headroom_percent=30")
    assert (fleet.deploys_at_once, fleet.databases[0].headroom_percent) == (2, 30)
    assert override("policy.deploys_at_once=all", fleet=fleet).deploys_at_once is None


def test_the_last_one_wins() -> None:
    assert values(override("*.instances=2", "payment.instances=9"), "instances") == [9, 1, 2, 2]


def test_a_service_moves_to_another_database() -> None:
    two = replace(FLEET, databases=(*FLEET.databases, Database("replica", Limits(50))))
    assert values(override("payment.database=replica", fleet=two), "database")[0] == "replica"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instances", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        ("payment.instances", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        (".instances=1", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        ("paymnt.instances=2", "no service or worker paymnt; did you mean payment?"),
        ("primry.max_connections=2", "no database primry; did you mean primary?"),
        ("payment.instance=2", "unknown key instance; did you mean instances?"),
        ("payment.instances=two", 'must be a whole number, not the text "two"'),
        ("payment.instances=-2", "must be 0 or more, not -2"),
        ("payment.database=foo", "no database foo; known are primary"),
        ("primary.max_connections=3", "max_connections must be more than all reserves together, 3, not 3"),
        (
            "x.headroom_percent=3",
            "headroom_percent belongs to policy: policy.headroom_percent=...",
        ),
        ("policy.deploys_at_once=0", 'must be 1 or more, or "all", not 0'),
        ("chat.pool_size=5", "chat has no database; write one into the file first"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        override(text)
    assert str(caught.value) == f"--set {text}: {expected}"


def test_fixed_sessions_are_not_settable() -> None:
    with pytest.raises(InputError, match="unknown key fixed_sessions; known are"):
        override("primary.fixed_sessions=3")
