"""`--set`: what if?"""

from pathlib import Path

import pytest

from kc_db.budget.model import Fleet, Limits
from kc_db.errors import InputError
from tests.budgets import load_fleet

FILE = """\
[databases.primary]
max_connections = 100
[databases.replica]
max_connections = 50
replica_of = "primary"
[defaults]
database = "primary"
instances = 1
pool_size = 10
user = "app"
[services.payment]
[services.chat]
pool_size = 0
[services.search]
[services.search.pools.reads]
database = "replica"
[services.search.pools.writes]
pool_size = 2
[workers.cache-worker]
instances = { min = 1, desired = 2, max = 3 }
[workers.session-worker]
[poolers.bouncer]
database = "primary"
[environments.production]
"""


def override(*texts: str) -> Fleet:
    return load_fleet("b.toml", FILE, environment="production", overrides=texts)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sizes(fleet: Fleet) -> list[list[int]]:
    return [[pool.size for pool in known.pools] for known in fleet.services]


def test_without_overrides() -> None:
    fleet = override()
    assert sizes(fleet) == [[10], [], [10, 2], [10], [10]]
    assert [(s.rollout.usual_tasks, s.rollout.instances) for s in fleet.services] == [
        (1, 1),
        (1, 1),
        (1, 1),
        (2, 3),
        (1, 1),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payment.instances=3", [3, 1, 1, 3, 1]),
        ("*.instances=2", [2, 1, 2, 2, 2]),
        ("payment.instances.max=6", [6, 1, 1, 3, 1]),
        ("cache-worker.instances.max=6", [1, 1, 1, 6, 1]),
        ("payment.instances={ desired = 2, max = 4 }", [4, 1, 1, 3, 1]),
    ],
)
def test_instances(text: str, expected: list[int]) -> None:
    fleet = override(text)
    assert [known.rollout.instances for known in fleet.services] == expected
    assert [pooler.rollout.instances for pooler in fleet.poolers] == [1]


def test_only_the_bound_that_is_said_changes() -> None:
    worker = override("cache-worker.instances.max=6").services[3]
    assert (worker.rollout.usual_tasks, worker.rollout.instances) == (2, 6)
    payment = override("payment.instances.max=6").services[0]
    assert (payment.rollout.usual_tasks, payment.rollout.instances) == (1, 6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*-worker.pool_size = 4", [[10], [], [10, 2], [4], [4]]),
        ("*.pool_size=5", [[5], [], [5, 2], [5], [5]]),
        ("payment.pool_size=0", [[], [], [10, 2], [10], [10]]),
        ("chat.pool_size=5", [[10], [5], [10, 2], [10], [10]]),
        ("search.pools.writes.pool_size=7", [[10], [], [10, 7], [10], [10]]),
        ("payment.driver=sqlalchemy", [[20], [], [10, 2], [10], [10]]),
    ],
)
def test_pool_sizes(text: str, expected: list[list[int]]) -> None:
    assert sizes(override(text)) == expected


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("payment.deploy=blue-green", "deploy", "blue-green"),
        ('payment.deploy="blue-green"', "deploy", "blue-green"),
        ("payment.maximum_percent=150", "maximum_percent", 150),
        ("payment.max_surge=50%", "max_surge", "50%"),
        ("payment.max_surge=2", "max_surge", 2),
    ],
)
def test_deploys(text: str, key: str, expected: object) -> None:
    assert getattr(override(text).services[0].rollout, key) == expected


def test_a_pool_size_that_was_set_is_the_services_own() -> None:
    """So that a remedy names the service, not the defaults that it no longer follows."""
    assert override("payment.pool_size=3").services[0].pools[0].has_own_size
    assert not override("payment.instances=3").services[0].pools[0].has_own_size


def test_databases() -> None:
    fleet = override("primary.max_connections=500", "primary.reserved_connections=7")
    assert (fleet.servers[0].limits, fleet.servers[0].source) == (
        Limits(500, reserved_connections=7),
        "override",
    )
    assert fleet.servers[1].source == "declared"
    assert override("primary.fixed_sessions.people=3").servers[0].fixed_sessions == {"people": 3}


def test_poolers() -> None:
    fleet = override("bouncer.instances=2", "bouncer.max_client_conn=7", "payment.pooler=bouncer")
    assert (fleet.poolers[0].rollout.instances, fleet.poolers[0].max_client_conn) == (2, 7)
    assert fleet.services[0].pools[0].target == "bouncer"


def test_policy() -> None:
    fleet = override("policy.deploys_at_once=2", "policy.headroom_percent=30")
    assert (fleet.deploys_at_once, fleet.servers[0].headroom_percent) == (2, 30)
    assert override("policy.deploys_at_once=all").deploys_at_once is None
    assert override("policy.judged.second-deploy=false").judged == {"second-deploy": False}


def test_the_last_one_wins() -> None:
    fleet = override("*.instances=2", "payment.instances=9")
    assert [known.rollout.instances for known in fleet.services] == [9, 1, 2, 2, 2]


def test_a_service_moves_to_another_database() -> None:
    assert override("payment.database=replica").services[0].pools[0].target == "replica"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("instances", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        ("payment.instances", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        (".instances=1", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        ("payment..max=1", "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"),
        ("paymnt.pool_size=2", "no service or worker paymnt; did you mean payment?"),
        ("primry.max_connections=2", "no database primry; did you mean primary?"),
        ("payment.instance=2", "unknown key instance; did you mean instances?"),
        ("payment.instances.maxi=2", "unknown key maxi; did you mean max?"),
        (
            "payment.processes.max=2",
            (
                "processes holds a value, not keys; "
                "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"
            ),
        ),
        ("payment.instances=two", 'must be a whole number, not the text "two"'),
        ("payment.instances=-2", "must be 0 or more, not -2"),
        (
            "payment.load.queries_per_second=3",
            "seconds_per_query is missing; say the whole table: NAME.load={ ... }",
        ),
        ("payment.instances=1.5", "must be a whole number, not 1.5"),
        ("payment.max_surge=a lot", 'must be 0 or more, or a percentage like "25%", not the text "a lot"'),
        ("payment.database=foo", "no database foo; known are primary, replica"),
        ("primary.max_connections=3", "max_connections must be more than all reserves together, 3, not 3"),
        (
            "x.headroom_percent=3",
            "headroom_percent belongs to policy: policy.headroom_percent=...",
        ),
        ("policy.deploys_at_once=0", 'must be 1 or more, or "all", not 0'),
        (
            "policy.judged.deploys=true",
            "unknown key; did you mean deploy?",
        ),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        override(text)
    assert str(caught.value) == f"--set {text}: {expected}"
