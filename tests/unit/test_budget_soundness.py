"""What once let a fleet through that could run out: each the smallest file, and what is said now."""

from pathlib import Path

import pytest

from kc_db.budget.enforce.limits import enforcement_of
from kc_db.budget.gather import Source, gather, sources_of
from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet
from kc_db.budget.resolve import resolve
from kc_db.budget.scenarios import fits, scenarios
from kc_db.budget.schema import SourceTable
from kc_db.budget.solve.changes import more_connections, one_smaller_pool, smaller_pools
from kc_db.budget.sources import Reading, Unknown
from kc_db.errors import InputError
from tests.budgets import load_fleet

BASE = "[databases.p]\nmax_connections = 100\n"
SERVICE = BASE + "[services.api]\ninstances = 2\npool_size = 4\ndeploy = 'recreate'\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mistake(text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        load_fleet("b.toml", text, overrides=overrides)
    return str(caught.value)


def verdicts(fleet: Fleet) -> set[str]:
    return {one.verdict for target in fleet.targets for one in scenarios(fleet, target)}


def reading(path: str, value: object, origin: str = "k.yaml: env.DB_POOL_MAX") -> Reading:
    return Reading(tuple(path.split(".")), value, origin)


SIZE = "services.api.pool_size"
TASKS = (reading("services.api.instances.max", 2), reading("services.api.deploy", "recreate"))


@pytest.mark.parametrize(
    ("why", "verdict"),
    [
        (Unknown("max comes from the environment variable PG_MAX", variable="PG_MAX"), "unproven"),
        (Unknown("new Pool( runs in a loop"), "unproven"),
        (Unknown("max comes from the environment variable DB_POOL_MAX", variable="DB_POOL_MAX"), "fits"),
        (Unknown("no container says its pool size", is_silence=True), "fits"),
    ],
)
def test_a_number_of_one_source_answers_only_the_question_of_another(why: Unknown, verdict: str) -> None:
    fleet = load_fleet("b.toml", BASE, read=(*TASKS, reading(SIZE, 4), reading(SIZE, why)))
    assert verdicts(fleet) == {verdict}
    assert fleet.services[0].pools[0].size == 4  # which is certain, either way


def test_a_containers_variable_is_that_of_the_pool_that_takes_it() -> None:
    pools = (
        reading(
            "services.api.pools.main.pool_size", Unknown("max comes from DB_POOL_MAX", variable="DB_POOL_MAX")
        ),
        reading("services.api.pools.reads.pool_size", 3, "db.ts:4"),
    )
    fleet = load_fleet("b.toml", BASE, read=(*TASKS, reading(SIZE, 7), *pools))
    assert [(pool.name, pool.size, pool.unknown) for pool in fleet.services[0].pools] == [
        ("main", 7, ""),
        ("reads", 3, ""),
    ]


@pytest.mark.parametrize("key", ["deploy", "maximum_percent", "max_surge", "parallelism", "processes"])
def test_a_deploy_that_a_source_cannot_tell_is_unproven(key: str) -> None:
    text = BASE + "[defaults]\ndeploy = 'recreate'\nmaximum_percent = 100\nprocesses = 1\n"
    known = tuple(one for one in TASKS if one.path[-1] != "deploy")
    unknown = reading(f"services.api.{key}", Unknown("it is set elsewhere"))
    fleet = load_fleet("b.toml", text, read=(*known, reading(SIZE, 4), unknown))
    assert verdicts(fleet) == {"unproven"}


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  replicas: 10
  template: {{ spec: {{ containers: [{{ name: app, env: [{{ name: DB_POOL_MAX, value: "10" }}] }}] }} }}
"""


def gathered(*tables: dict[str, object]) -> None:
    Path("b.toml").write_text(BASE)
    found = [
        Source(f"sources.s{number}", SourceTable.model_validate({"kind": "kubernetes", **table}))
        for number, table in enumerate(tables)
    ]
    gather(load_budget("b.toml"), found)


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("prod-api", "api"), {"name_prefix": "prod-"}),
        (("api.v1", "api-v1"), {}),
        (("a", "b"), {"rename": {"b": "a"}}),
    ],
)
def test_two_services_never_become_one(names: tuple[str, str], options: dict[str, object]) -> None:
    Path("k.yaml").write_text("---\n".join(DEPLOYMENT.format(name=name) for name in names))
    with pytest.raises(InputError, match=f"{names[0]} and {names[1]} would both be .* apart with `rename`"):
        gathered({"file": "k.yaml", **options})


def test_two_clusters_that_run_the_same_service() -> None:
    Path("k.yaml").write_text(DEPLOYMENT.format(name="api"))
    with pytest.raises(InputError, match=r"sources.s0 and sources.s1 both run api: tell them apart"):
        gathered({"file": "k.yaml"}, {"file": "k.yaml"})


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        (SERVICE + "max_overflow = 200", (), 'max_overflow: means something with driver = "sqlalchemy" only'),
        (SERVICE + "threads = 90", (), 'threads: means something with driver = "django" only'),
        (SERVICE, ("api.threads=90",), 'threads=90: means something with driver = "django" only'),
        (SERVICE + "max_surge = 5", (), 'max_surge: means something with deploy = "surge" only'),
        (
            SERVICE + "[services.api.pools.x]\npool_size = 5",
            ("api.pool_size=5000",),
            "--set api.pool_size=5000: counts for no pool, each says its own: pools.x.pool_size",
        ),
        (
            SERVICE.replace("instances = 2", "instances = { min = 1, desired = 2, max = 4 }"),
            ("api.instances.desired=20",),
            "desired is 20, more than max, 4",
        ),
        (SERVICE, ("api.instances.min=20",), "min is 20, more than desired, 2"),
        (
            BASE + "replica_of = 'r'\n[databases.r]\nmax_connections = 50\nreplica_of = 'p'\n"
            "[services.a]\ndatabase = 'p'\npool_size = 1\ninstances = 1",
            (),
            "r is a replica of p itself",
        ),
        (SERVICE + "[policy.judged]\nsteady = false", (), "steady: must be true"),
        (
            SERVICE.replace("[services.api]", "[services.api]\npooler = 'b'\nuser = 'a'")
            + "[poolers.b]\n[poolers.b.databases.x]\nusers = ['u']",
            (),
            "b lets a not in: users of x says who may",
        ),
        (
            SERVICE.replace("[services.api]", "[services.api]\npooler = 'b'\nuser = 'a'\nalias = 'app'")
            + "[services.x]\npooler = 'b'\nuser = 'x'\ninstances = 1\npool_size = 1\n"
            + "[poolers.b]\n[poolers.b.databases.'*']\nmax_db_connections = 20",
            (),
            "alias is missing: b has app",
        ),
    ],
)
def test_what_would_count_for_nothing_is_refused(
    text: str, overrides: tuple[str, ...], expected: str
) -> None:
    assert expected in mistake(text, *overrides)


@pytest.mark.parametrize(
    ("service", "size"),
    [
        ("driver = 'django'\nthreads = 50", 50),
        ("driver = 'prisma'\ncpus = 16", 33),
        ("driver = 'tomcat-jdbc'\npool_size = 0", 100),
        ("driver = 'node-postgres'\npool_size = 0", 10),
        ("driver = 'hikaricp'", 4),
    ],
)
def test_what_a_service_says_counts_before_a_default_size(service: str, size: int) -> None:
    text = BASE + f"[defaults]\npool_size = 4\ninstances = 1\n[services.a]\n{service}\n"
    assert load_fleet("b.toml", text).services[0].pools[0].size == size


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("[services.a]\ndriver = 'node-postgres'\n", ("a.pool_size=0",), (10, "")),
        ("[services.a]\ndriver = 'node-postgres'\n[services.a.pools.x]\npool_size = 0\n", (), (10, "")),
        (
            "[services.a]\ndriver = 'sqlalchemy'\n",
            ("a.pool_size=0",),
            (0, "pool_size: SQLAlchemy's pool_size = 0 is a pool without end"),
        ),
    ],
)
def test_a_drivers_zero_is_the_drivers_whoever_says_it(
    text: str, overrides: tuple[str, ...], expected: tuple[int, str]
) -> None:
    fleet = load_fleet("b.toml", BASE + "[defaults]\ninstances = 1\n" + text, overrides=overrides)
    (pool,) = fleet.services[0].pools
    assert (pool.size, pool.unknown) == expected


EVERYBODY = """\
[services.none]
pool_size = 0
instances = 1
[poolers.b]
max_user_connections = 5
[poolers.b.databases.app]
max_db_connections = 20
[poolers.b.databases.app2]
max_db_connections = 20
"""


def test_a_users_limit_is_none_of_all_users() -> None:
    fleet = load_fleet("b.toml", BASE + EVERYBODY)
    assert next(iter(scenarios(fleet, fleet.servers[0]))).demand_connections == 40


def test_client_slots_are_those_of_the_fewest_bouncers() -> None:
    text = BASE + (
        "[services.a]\ninstances = 30\npool_size = 10\npooler = 'b'\nuser = 'a'\n"
        "[poolers.b]\ninstances = { min = 1, desired = 2, max = 4 }\nmax_client_conn = 100\n"
    )
    fleet = load_fleet("b.toml", text)
    found = {one.name: one for one in scenarios(fleet, fleet.poolers[0])}
    assert found["steady"].usable_connections == 100
    assert "bouncer-lost" not in found
    assert next(iter(scenarios(fleet, fleet.servers[0]))).demand_connections == 2 * 20


def test_a_kind_of_workload_that_nobody_knows_is_unproven() -> None:
    knative = DEPLOYMENT.format(name="kn").replace("kind: Deployment", "kind: Service")
    Path("k.yaml").write_text(DEPLOYMENT.format(name="api") + "---\n" + knative)
    Path("b.toml").write_text(BASE + "[sources.k]\nkind = 'kubernetes'\nfile = 'k.yaml'\n")
    budget = load_budget("b.toml")
    (fleet,) = resolve(budget, [None], read={None: gather(budget, sources_of(budget, None))})
    assert {service.name: service.unknown for service in fleet.services} == {
        "api": "",
        "kn": "instances: kc-db doesn't know how many pods a Service runs",
    }


PROXIED = """\
[databases.primary]
max_connections = 53
[databases.r]
max_connections = 100
replica_of = "primary"
[poolers.x]
kind = "rds-proxy"
database = "r"
max_connections_percent = 50
[services.c]
pooler = "x"
role = "c"
pool_size = 1
instances = 1
deploy = "recreate"
[services.d]
database = "primary"
role = "d"
pool_size = 30
instances = 1
deploy = "recreate"
"""


def test_a_server_is_raised_far_enough_for_the_proxy_of_its_replica() -> None:
    fleet = load_fleet("b.toml", PROXIED)
    change = more_connections(fleet, fleet.servers[0])
    assert change is not None
    assert fits(change.after, change.after.servers[0])


def test_a_role_may_have_what_it_takes_when_its_replica_is_lost() -> None:
    fleet = load_fleet("b.toml", PROXIED, overrides=("primary.max_connections=1003",))
    limits = {limit.role: limit.limit for limit in enforcement_of(fleet, "primary").limits}
    assert limits["c"] == 501  # half of the primary's


def test_pools_of_a_lost_replica_are_made_smaller() -> None:
    text = (
        "[databases.p]\nmax_connections = 103\n[databases.r]\nmax_connections = 200\nreplica_of = 'p'\n"
        "[defaults]\ninstances = 10\ndeploy = 'recreate'\n"
        "[services.a]\ndatabase = 'p'\npool_size = 1\n[services.b]\ndatabase = 'r'\npool_size = 10\n"
    )
    fleet = load_fleet("b.toml", text)
    change = one_smaller_pool(fleet, fleet.servers[0])
    assert change is not None
    assert change.advice == "lower one pool, b, from 10 to 9 (10 does not fit)"


def test_a_pool_that_inherits_from_its_service_is_no_heir_of_the_defaults() -> None:
    text = BASE + (
        "[defaults]\ninstances = 1\npool_size = 5\ndeploy = 'recreate'\n[services.a]\npool_size = 60\n"
    )
    pools = "[services.a.pools.x]\n[services.a.pools.y]\n"
    fleet = load_fleet("b.toml", text + pools)
    change = smaller_pools(fleet, fleet.servers[0])
    assert change is not None
    edits = "".join(f"[{'.'.join(one.table)}]\n{one.key} = {one.value}\n" for one in change.edits)
    pasted = load_fleet("b.toml", text + edits)
    assert [table for table in change.edits if table.table == ("defaults",)] == []
    assert fits(pasted, pasted.servers[0])


@pytest.mark.parametrize("surge", ["0" * 9 + "9" * 5000 + "%", "262144%", "1.5%", "-1%", "%"])
def test_a_percentage_that_nobody_means(surge: str) -> None:
    """The first one was taken, and then too long for Python to count with."""
    assert "max_surge: must be 0 or more, or a percentage" in mistake(SERVICE + f'max_surge = "{surge}"')


def test_zero_is_no_pool_where_the_driver_is_only_a_default() -> None:
    text = BASE + "[defaults]\ndriver = 'node-postgres'\ninstances = 1\n[services.a]\npool_size = 0\n"
    assert load_fleet("b.toml", text).services[0].pools == ()


def test_deploy_all_can_be_taken_out() -> None:
    text = (
        BASE
        + "[policy.judged]\nsecond-deploy = false\ndeploy-all = false\n"
        + "".join(f"[services.{name}]\ninstances = 1\npool_size = 30\n" for name in "ab")
    )
    fleet = load_fleet("b.toml", text)
    assert fits(fleet, fleet.servers[0])
    assert {one.name: one.is_enforced for one in scenarios(fleet, fleet.servers[0])}["deploy-1"]


def test_a_migration_on_a_replica_counts() -> None:
    text = SERVICE + "database = 'p'\n[databases.r]\nmax_connections = 20\nreplica_of = 'p'\n"
    fleet = load_fleet("b.toml", text + "[databases.r.migration_sessions]\ncheck = 50\n")
    assert not fits(fleet, fleet.servers[1])


def test_readers_that_nobody_can_count_make_their_primary_unproven() -> None:
    text = BASE + (
        "[databases.r1]\nmax_connections = 50\nreplica_of = 'p'\n"
        "[databases.r2]\ninstance_class = 'db.x'\nreplica_of = 'p'\n"
        "[services.a]\ndatabase = 'r1'\npool_size = 5\ninstances = 1\ndeploy = 'recreate'\n"
    )
    primary = load_fleet("b.toml", text)
    lost = [one for one in scenarios(primary, primary.servers[0]) if one.name == "replica-lost"]
    assert [one.verdict for one in lost] == ["fits"]  # what r2 grants doesn't matter to p
    unknown = "[services.b]\ndatabase = 'r2'\ndriver = 'django'\ninstances = 1\ndeploy = 'recreate'\n"
    fleet = load_fleet("b.toml", text + unknown)
    lost = [one for one in scenarios(fleet, fleet.servers[0]) if one.name == "replica-lost"]
    assert [one.verdict for one in lost] == ["unproven"]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:hunter2@h/x",
        "pgbouncer-live:postgresql://u:hunter2@h/x",
        "compose=postgresql://u:hunter2@h",
    ],
)
def test_a_password_that_stands_in_the_wrong_place_stays_secret(text: str) -> None:
    from kc_db.budget.gather import parse_source
    from kc_db.budget.resolve.overrides import parse_override

    for parse in (parse_source, parse_override):
        with pytest.raises(InputError) as caught:
            parse(text)
        assert "hunter2" not in str(caught.value)


def test_an_rds_proxy_that_takes_all_gets_a_remedy() -> None:
    from kc_db.budget.solve.changes import changes

    text = BASE + (
        "provider = 'rds'\n[poolers.x]\nkind = 'rds-proxy'\n"
        "[services.a]\npooler = 'x'\npool_size = 1\ninstances = 2\n"
    )
    fleet = load_fleet("b.toml", text)
    (change,) = changes(fleet, fleet.servers[0])
    assert change.advice == "give x 95 % of max_connections at most (96 % does not fit)"


def test_environments_are_resolved_together() -> None:
    text = SERVICE + "[environments.a.services.api]\npool_size = 5\n[environments.b]\n"
    Path("b.toml").write_text(text)
    budget = load_budget("b.toml")
    sizes = [fleet.services[0].pool_size for fleet in resolve(budget, budget.environments())]
    assert sizes == [5, 4]
