"""What sources say, under the file's names: merged, renamed, compared; and what they can't say."""

from pathlib import Path

import pytest

from kc_db.budget import rules
from kc_db.budget.gather import gather, kinds, parse_source, sources_of
from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet
from kc_db.budget.scenarios import scenarios
from kc_db.budget.sources import Reading, Unknown
from kc_db.errors import InputError
from kc_db.rulebook import apply_rules, load_rules
from tests.budgets import load_fleet

BASE = """\
[databases.primary]
max_connections = 200
[services.payment]
pool_size = 10
instances = 2
[workers.queue]
pool_size = 5
instances = 1
"""
RULES = load_rules(rules)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def reading(path: str, value: object) -> Reading:
    return Reading(tuple(path.split(".")), value, f"plan.json: {path}")


def load(*readings: Reading, base: str = BASE) -> Fleet:
    return load_fleet("b.toml", base, read=readings)


def found(fleet: Fleet) -> list[tuple[str, str]]:
    return [(one.rule, one.problem.where) for one in apply_rules(RULES, fleet)]


def test_what_was_read_counts_and_says_where_it_comes_from() -> None:
    fleet = load(
        reading("services.payment.instances.max", 6),
        reading("services.payment.instances.desired", 3),
        reading("services.payment.pool_size", 4),
        reading("services.queue.processes", 2),
        reading("databases.primary.max_connections", 300),
    )
    payment, queue = fleet.services
    assert (payment.rollout.instances, payment.rollout.usual_tasks, payment.pools[0].size) == (6, 3, 4)
    assert dict(payment.origins) == {
        "instances.max": "plan.json: services.payment.instances.max",
        "instances.desired": "plan.json: services.payment.instances.desired",
        "pool_size": "plan.json: services.payment.pool_size",
    }
    assert (queue.kind, queue.processes) == ("workers", 2)
    (primary,) = fleet.servers
    assert (primary.limits.max_connections, primary.source) == (300, "read")


def test_set_counts_before_what_was_read() -> None:
    readings = (reading("services.payment.instances.max", 6),)
    fleet = load_fleet("b.toml", BASE, read=readings, overrides=("payment.instances.max=9",))
    assert fleet.services[0].rollout.instances == 9


def test_copies_that_differ_are_findings() -> None:
    fleet = load(
        reading("services.payment.instances.max", 6),
        reading("services.payment.instances.desired", 2),
        reading("services.payment.pool_size", 4),
        reading("databases.primary.max_connections", 190),
    )
    assert found(fleet) == [
        ("overstated-limit", "database primary"),
        ("understated-demand", "service payment"),
        ("overstated-demand", "service payment"),
    ]


def test_an_equal_copy_is_none() -> None:
    assert found(load(reading("services.payment.pool_size", 10))) == []


def test_what_a_source_cannot_tell_is_the_files() -> None:
    why = Unknown("DB_POOL_MAX comes from a secret")
    assert found(load(reading("services.payment.pool_size", why))) == []


def test_what_nobody_says_is_unproven() -> None:
    base = BASE.replace("pool_size = 10\n", "")
    fleet = load(reading("services.payment.pool_size", Unknown("DB_POOL_MAX comes from a secret")), base=base)
    assert found(fleet) == [("unproven-budget", "database primary")]
    assert scenarios(fleet, fleet.servers[0])[0].unknown == (
        "payment: pool_size: DB_POOL_MAX comes from a secret",
    )


def test_a_lower_bound_that_is_too_much_is_certain() -> None:
    base = BASE.replace("= 200", "= 10")
    fleet = load(reading("services.new.instances.max", 3), base=base)
    assert ("over-budget", "database primary") in found(fleet)


def test_a_service_that_only_a_source_has_is_counted() -> None:
    fleet = load(reading("services.new.instances.max", 3), reading("services.new.instances.desired", 3))
    assert found(fleet) == [("unproven-budget", "database primary")]
    whole = load(
        reading("services.new.instances.max", 3),
        reading("services.new.pool_size", 7),
    )
    assert found(whole) == []
    assert whole.services[1].pools[0].size == 7


def test_a_pool_in_the_code_of_a_service_that_nobody_runs() -> None:
    assert found(load(reading("services.new.pool_size", 7))) == [
        ("undeclared-pool", "service new"),
        ("unproven-budget", "database primary"),
    ]


def test_a_service_without_a_pool_is_no_finding() -> None:
    fleet = load(reading("services.nginx.instances.max", 3), reading("services.nginx.pool_size", 0))
    assert found(fleet) == []


def test_a_pool_that_only_the_sources_have() -> None:
    fleet = load(
        reading("services.payment.pools.main.pool_size", Unknown("max comes from a variable")),
        reading("services.payment.pools.read.pool_size", 4),
    )
    payment = fleet.services[0]
    assert [(pool.name, pool.size) for pool in payment.pools] == [("main", 10), ("read", 4)]
    assert found(fleet) == [("undeclared-pool", "service payment")]


def test_two_sources_the_one_that_leaves_less_room_counts() -> None:
    fleet = load(
        *(reading("services.payment.instances.max", count) for count in (3, 5, 4)),
        *(reading("databases.primary.max_connections", count) for count in (190, 150, 180)),
        reading("services.payment.pool_size", Unknown("it isn't said")),
        reading("services.payment.pool_size", 12),
    )
    assert fleet.services[0].rollout.instances == 5
    assert fleet.services[0].pools[0].size == 12
    assert fleet.servers[0].limits.max_connections == 150


def test_desired_is_known_and_the_maximum_is_not() -> None:
    base = BASE.replace("instances = 2\n", "")
    fleet = load(
        reading("services.payment.instances.desired", 2),
        reading("services.payment.instances.max", Unknown("runs may pile up")),
        base=base,
    )
    payment = fleet.services[0]
    assert (payment.rollout.instances, payment.unknown) == (2, "instances: runs may pile up")


def test_a_pooler_named_like_its_database_gets_a_name_of_its_own() -> None:
    fleet = load(
        reading("databases.db.max_connections", 100),
        reading("poolers.db.kind", "rds-proxy"),
        reading("poolers.db.database", "db"),
        base=BASE.replace("[services.payment]", '[services.payment]\ndatabase = "primary"').replace(
            "[workers.queue]", '[workers.queue]\ndatabase = "primary"'
        ),
    )
    assert [(pooler.name, pooler.proxied) for pooler in fleet.poolers] == [("db-pooler", "db")]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("services.payment.pool_size", -1, "must be 0 or more, not -1"),
        ("services.payment.deploy", "fast", 'must be "rolling"'),
        ("services.payment.database", "x", "no database x"),
        ("services.payment.pool_sizes", 1, "unknown key"),
    ],
)
def test_a_source_that_says_nonsense_is_named(path: str, value: object, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load(reading(path, value))
    assert str(caught.value).startswith("plan.json: ")
    assert expected in str(caught.value)


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: { name: prod-payment }
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: app
          env: [{ name: POOL, value: "7" }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: prod-web.site }
spec:
  template:
    spec:
      containers:
        - name: app
          env: [{ name: POOL, value: "2" }]
"""
SOURCES = """\
[sources.cluster]
kind = "kubernetes"
file = "k8s.yaml"
name_prefix = "prod-"
pool_size_variables = ["POOL"]
[environments.production]
[environments.test.sources.cluster]
rename = { "prod-web.site" = "site" }
only = ["prod-web*"]
"""


def test_sources_of_the_file_are_inherited_renamed_and_narrowed() -> None:
    Path("sub").mkdir()
    Path("sub/k8s.yaml").write_text(MANIFEST)
    Path("sub/b.toml").write_text(BASE + SOURCES)
    budget = load_budget("sub/b.toml")
    names = {
        environment: {path[:2] for path in gather(budget, sources_of(budget, environment)).origins}
        for environment in ("production", "test")
    }
    assert names == {
        "production": {("services", "payment"), ("services", "web-site")},
        "test": {("services", "site")},
    }


def test_kinds_are_modules() -> None:
    assert kinds() == (
        "compose",
        "ecs",
        "javascript",
        "kubernetes",
        "pgbouncer-ini",
        "pgbouncer-live",
        "rds",
        "terraform-plan",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("terraform=plan.json", "--source: no source terraform; did you mean terraform-plan?"),
        ("kubernetes", "--source: write it as KIND=WHAT, like terraform-plan=plan.json"),
        ("kubernetes=", "--source: write it as KIND=WHAT, like terraform-plan=plan.json"),
    ],
)
def test_mistakes_of_source(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_source(text)
    assert str(caught.value) == expected


def test_a_password_in_a_misspelt_source_stays_secret() -> None:
    with pytest.raises(InputError) as caught:
        parse_source("pgbouncer-life=postgresql://u:hunter2@h/pgbouncer")
    assert "hunter2" not in str(caught.value)
