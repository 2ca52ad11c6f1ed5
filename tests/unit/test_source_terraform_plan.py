import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kc_db.budget.schema import DatabaseTable, PoolerTable, ServiceTable, SourceTable, Table
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._containers import Container, pool_readings
from kc_db.budget.sources.terraform_plan import read
from kc_db.errors import InputError

DATA = Path(__file__).parents[1] / "data" / "sources" / "terraform"
LATER = "is known only after apply"
TABLES: dict[str, type[Table]] = {
    "services": ServiceTable,
    "databases": DatabaseTable,
    "poolers": PoolerTable,
}

Change = Callable[[Any], None]


def readings(file: Path) -> list[Reading]:
    return list(read(SourceTable(kind="terraform-plan", file=str(file))))


def of(file: Path, table: str, name: str) -> dict[str, object]:
    """Every value that is said of one thing, by its key; an Unknown as its sentence."""
    return {
        ".".join(each.path[2:]): each.value.why if isinstance(each.value, Unknown) else each.value
        for each in readings(file)
        if each.path[:2] == (table, name)
    }


FLEET, AURORA = DATA / "fleet.json", DATA / "aurora.json"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A plan like fleet.json, but for what a function changes in it."""

    def edit(change: Change, file: Path = FLEET) -> Path:
        plan = json.loads(file.read_text())
        change(plan)
        target = tmp_path / "plan.json"
        target.write_text(json.dumps(plan))
        return target

    return edit


def resource(plan: Any, address: str) -> Any:
    """The values of a planned resource."""
    modules = [plan["planned_values"]["root_module"]]
    modules.extend(modules[0].get("child_modules", []))
    return next(r["values"] for m in modules for r in m["resources"] if r["address"] == address)


def make_later(plan: Any, address: str, attribute: str, *references: str) -> None:
    """An attribute is known only after apply, and refers to something."""
    resource(plan, address).pop(attribute, None)
    change = next(each for each in plan["resource_changes"] if each["address"] == address)
    change["change"]["after_unknown"][attribute] = True
    configured = plan["configuration"]["root_module"]["resources"]
    found = next(each for each in configured if each["address"] == address.partition("[")[0])
    found["expressions"][attribute] = {"references": list(references)}


# What the plans say, all of it.


def test_everything_in_the_plan_is_named_and_nothing_else() -> None:
    assert list(dict.fromkeys(each.path[:2] for each in readings(FLEET))) == [
        ("services", "booking"),
        ("services", "payment"),
        ("services", "worker-0"),
        ("services", "worker-1"),
        ("services", "node-agent"),
        ("services", "partner"),
        ("services", "analytics"),
        ("services", "admin"),
        ("services", "search"),
        ("databases", "orders"),
        ("databases", "orders-replica"),
        ("poolers", "orders-proxy"),
    ]


def test_an_autoscaled_service_of_for_each() -> None:
    assert of(FLEET, "services", "booking") == {
        "instances.min": 2,
        "instances.desired": 2,
        "instances.max": 6,
        "deploy": "rolling",
        "maximum_percent": 200,
        "pool_size": 10,
        "processes": 2,
    }


def test_a_scheduled_action_and_a_secret() -> None:
    scheduled = "aws_appautoscaling_scheduled_action.payment_evening.scalable_target_action.max_capacity"
    service, target = 'aws_ecs_service.svc["payment"]', 'aws_appautoscaling_target.svc["payment"]'
    containers = 'aws_ecs_task_definition.svc["payment"].container_definitions'
    path = ("services", "payment")
    secret = Unknown("DB_POOL_MAX of container app comes from a secret")
    expected = [
        Reading((*path, "instances", "min"), 4, f"{FLEET}: {target}.min_capacity"),
        Reading((*path, "instances", "desired"), 4, f"{FLEET}: {target}.min_capacity"),
        Reading((*path, "instances", "max"), 12, f"{FLEET}: {scheduled}"),
        Reading((*path, "deploy"), "rolling", f"{FLEET}: {service}.deployment_configuration"),
        Reading((*path, "maximum_percent"), 200, f"{FLEET}: {service}.deployment_maximum_percent"),
        Reading((*path, "pool_size"), secret, f"{FLEET}: {containers}[app].DB_POOL_MAX"),
    ]
    assert [each for each in readings(FLEET) if each.path[:2] == path] == expected


@pytest.mark.parametrize("name", ["worker-0", "worker-1"])
def test_a_service_of_count_whose_url_has_the_size(name: str) -> None:
    assert of(FLEET, "services", name) == {
        "instances.desired": 1,
        "instances.max": 1,
        "deploy": "rolling",
        "maximum_percent": 150,
        "pool_size": 4,
    }


def test_a_module_whose_task_definition_comes_from_another_module() -> None:
    assert of(FLEET, "services", "analytics") == {
        "instances.min": 1,
        "instances.desired": 1,
        "instances.max": 3,
        "deploy": "blue-green",
        "pool_size": 5,
    }


def test_two_containers_with_pools_and_a_task_definition_behind_a_local() -> None:
    assert of(FLEET, "services", "admin") == {
        "instances.desired": 2,
        "instances.max": 2,
        "deploy": "blue-green",
        "pools.app.pool_size": 24,
        "pools.jobs.pool_size": 4,
        "processes": 1,
    }


def test_what_the_plan_cannot_say_of_a_service_is_unknown() -> None:
    assert of(FLEET, "services", "node-agent") == {
        "instances.max": "aws_ecs_service.agent runs one task on each container instance (DAEMON)",
        "deploy": "rolling",
        "maximum_percent": 100,
        "pool_size": "the task definition node-agent isn't in the plan",
    }
    assert of(FLEET, "services", "partner") == {
        "instances.max": "task sets outside the plan scale aws_ecs_service.partner (EXTERNAL)",
        "deploy": "how a deploy of aws_ecs_service.partner replaces tasks can't be told from EXTERNAL",
        "pool_size": "aws_ecs_service.partner names no task definition",
    }


def test_autoscaling_of_a_service_that_is_not_in_the_plan() -> None:
    assert of(FLEET, "services", "search") == {"instances.min": 1, "instances.max": 5}


def test_an_instance_and_its_replica() -> None:
    settings = {
        "max_connections": 400,
        "superuser_reserved_connections": 3,
        "vendor_reserved_connections": 2,
    }
    primary = {"provider": "rds", "instance_class": "db.r6g.large", **settings}
    replica = {"replica_of": "orders", "instance_class": "db.r6g.xlarge"}
    assert of(FLEET, "databases", "orders") == primary
    assert of(FLEET, "databases", "orders-replica") == {**primary, **replica}


def test_a_proxy() -> None:
    assert of(FLEET, "poolers", "orders-proxy") == {
        "kind": "rds-proxy",
        "max_connections_percent": 80,
        "database": "orders",
    }


def test_aurora_clusters() -> None:
    reader = {"provider": "aurora", "replica_of": "ledger", "instance_class": "db.r6g.large"}
    limits = {"max_connections": 1500, "reserved_connections": 5}
    multi_az = {"provider": "rds", "instance_class": "db.m6gd.large"}
    serverless = "is serverless: its memory, and with it max_connections, changes"
    expected = {
        "events": {
            "provider": "aurora",
            "instance_class": "db.serverless",
            "max_connections": f"aws_rds_cluster_instance.events {serverless}",
        },
        "files": multi_az,
        "files-reader-1": {**multi_az, "replica_of": "files"},
        "files-reader-2": {**multi_az, "replica_of": "files"},
        "empty": {
            "provider": "aurora",
            "max_connections": "the parameter group made-by-hand of aws_rds_cluster.empty isn't in the plan",
        },
        "ledger": {"provider": "aurora", "instance_class": "db.r6g.xlarge", "reserved_connections": 5},
        "ledger-1": {**reader, **limits},
        "ledger-reader-2": {**reader, **limits},
    }
    names = dict.fromkeys(each.path[1] for each in readings(AURORA) if each.path[0] == "databases")
    assert {name: of(AURORA, "databases", name) for name in names} == expected


def test_a_proxy_to_a_cluster_behind_an_output_and_one_to_nowhere() -> None:
    assert of(AURORA, "poolers", "ledger-proxy") == {"kind": "rds-proxy", "database": "ledger"}
    assert of(AURORA, "poolers", "loose-proxy") == {
        "kind": "rds-proxy",
        "database": "aws_db_proxy.loose leads to no server that the plan knows",
    }


def test_no_secret_is_ever_said() -> None:
    said = repr(readings(FLEET))
    assert not [secret for secret in ("s3cr3t", "Pa55", "hunter2", "secretsmanager") if secret in said]


# What is known only after apply.


def test_a_target_that_may_be_anybodys_makes_every_maximum_unknown(edited: Callable[..., Path]) -> None:
    target = 'aws_appautoscaling_target.svc["booking"]'
    plan = edited(lambda plan: make_later(plan, target, "resource_id", "local.resource_id"))
    doubt = f"{target} may scale it, and resource_id of that can't be told before apply"
    assert of(plan, "services", "booking")["instances.max"] == doubt
    assert of(plan, "services", "worker-0")["instances.max"] == doubt


def test_each_value_is_no_key(edited: Callable[..., Path]) -> None:
    refers = ("aws_ecs_task_definition.svc", "each.value.task", "each.value")
    address = 'aws_ecs_service.svc["booking"]'
    plan = edited(lambda plan: make_later(plan, address, "task_definition", *refers))
    assert of(plan, "services", "booking")["pool_size"] == f"task_definition of {address} {LATER}"


def test_for_each_over_resources_passes_their_keys_on(edited: Callable[..., Path]) -> None:
    def chain(plan: Any) -> None:
        make_later(plan, 'aws_ecs_service.svc["booking"]', "task_definition", "each.value.arn", "each.value")
        configured = plan["configuration"]["root_module"]["resources"]
        service = next(each for each in configured if each["address"] == "aws_ecs_service.svc")
        service["for_each_expression"] = {"references": ["aws_ecs_task_definition.svc"]}

    assert of(edited(chain), "services", "booking")["pool_size"] == 10


@pytest.mark.parametrize(
    ("address", "attribute", "table", "name", "key"),
    [
        ("aws_ecs_service.worker[0]", "desired_count", "services", "worker-0", "instances.desired"),
        ("aws_ecs_service.worker[0]", "desired_count", "services", "worker-0", "instances.max"),
        ("aws_ecs_service.worker[0]", "task_definition", "services", "worker-0", "pool_size"),
        ("aws_ecs_task_definition.worker", "container_definitions", "services", "worker-0", "pool_size"),
        ("aws_db_instance.primary", "instance_class", "databases", "orders", "instance_class"),
        ("aws_db_instance.primary", "engine", "databases", "orders", "max_connections"),
        ("aws_db_instance.primary", "parameter_group_name", "databases", "orders", "max_connections"),
        ("aws_db_instance.replica", "replicate_source_db", "databases", "orders-replica", "replica_of"),
        ("aws_db_proxy_target.orders", "db_instance_identifier", "poolers", "orders-proxy", "database"),
    ],
)
def test_without_a_reference_it_is_unknown(  # noqa: PLR0913, PLR0917 - a table of cases
    edited: Callable[..., Path], address: str, attribute: str, table: str, name: str, key: str
) -> None:
    def change(plan: Any) -> None:
        make_later(plan, address, attribute, "local.something")
        if attribute == "engine":  # the family of the parameter group would tell
            make_later(plan, address, "parameter_group_name", "local.something")
        if attribute == "replicate_source_db":  # without its source, nobody would know what engine it has
            resource(plan, address)["engine"] = "postgres"

    assert of(edited(change), table, name)[key] == f"{attribute} of {address} {LATER}"


def test_a_name_that_is_not_known_yet_is_made_from_the_address(edited: Callable[..., Path]) -> None:
    plan = edited(
        lambda plan: make_later(plan, "aws_db_instance.primary", "identifier", "random_pet.name.id")
    )
    assert of(plan, "databases", "primary")["instance_class"] == "db.r6g.large"


# Numbers that don't go together, and the other constructs.


@pytest.mark.parametrize(
    ("desired", "low", "high", "expected"),
    [
        (9, 2, 6, (2, 9, 9)),
        (0, 2, 6, (2, 2, 6)),
        (None, 2, 6, (2, 2, 6)),
        (3, 5, 4, (5, 5, 5)),
    ],
)
def test_bounds_are_consistent_whatever_the_plan_says(
    edited: Callable[..., Path], desired: int | None, low: int, high: int, expected: tuple[int, ...]
) -> None:
    def change(plan: Any) -> None:
        resource(plan, 'aws_ecs_service.svc["booking"]')["desired_count"] = desired
        target = resource(plan, 'aws_appautoscaling_target.svc["booking"]')
        target.update(min_capacity=low, max_capacity=high)

    said = of(edited(change), "services", "booking")
    assert tuple(said[f"instances.{key}"] for key in ("min", "desired", "max")) == expected


def test_no_desired_count_is_none_at_all(edited: Callable[..., Path]) -> None:
    # https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecs_service: "Defaults to 0"
    plan = edited(lambda plan: resource(plan, "aws_ecs_service.worker[0]").update(desired_count=None))
    assert of(plan, "services", "worker-0")["instances.max"] == 0


def test_a_scheduled_action_without_its_target(edited: Callable[..., Path]) -> None:
    def change(plan: Any) -> None:
        action = "aws_appautoscaling_scheduled_action.payment_evening"
        resource(plan, action)["resource_id"] = "service/prod/worker-0"

    expected = "the aws_appautoscaling_target of its scheduled actions isn't in the plan"
    assert of(edited(change), "services", "worker-0")["instances.max"] == expected


def test_services_of_one_name_are_told_apart_by_their_clusters(edited: Callable[..., Path]) -> None:
    def change(plan: Any) -> None:
        for number, cluster in enumerate(("dev", "prod")):
            service = resource(plan, f"aws_ecs_service.worker[{number}]")
            service.update(name="worker", cluster=f"arn:aws:ecs:eu-central-1:123456789012:cluster/{cluster}")
        resource(plan, "aws_appautoscaling_target.elsewhere")["resource_id"] = "service/prod/worker"

    plan = edited(change)
    assert of(plan, "services", "worker-0")["instances.max"] == 1
    assert of(plan, "services", "worker-1")["instances.max"] == 5


@pytest.mark.parametrize(
    ("strategy", "deploy"),
    [("ROLLING", "rolling"), ("BLUE_GREEN", "blue-green"), ("LINEAR", "linear"), ("CANARY", "canary")],
)
def test_strategies_of_the_ecs_controller(edited: Callable[..., Path], strategy: str, deploy: str) -> None:
    def change(plan: Any) -> None:
        service = resource(plan, "aws_ecs_service.worker[0]")
        service["deployment_configuration"] = [{"strategy": strategy}]

    said = of(edited(change), "services", "worker-0")
    assert said["deploy"] == deploy
    assert ("maximum_percent" in said) == (deploy == "rolling")


def test_a_strategy_that_nobody_knows(edited: Callable[..., Path]) -> None:
    def change(plan: Any) -> None:
        service = resource(plan, "aws_ecs_service.worker[0]")
        service["deployment_configuration"] = [{"strategy": "TELEPORT"}]

    expected = "how a deploy of aws_ecs_service.worker[0] replaces tasks can't be told from TELEPORT"
    assert of(edited(change), "services", "worker-0")["deploy"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worker", 4),
        ("worker:41", 4),
        ("arn:aws:ecs:eu-central-1:123456789012:task-definition/worker:41", 4),
        ("worker:40", "it runs revision 40 of worker, which isn't the one in the plan"),
        ("other:1", "the task definition other isn't in the plan"),
    ],
)
def test_a_task_definition_by_its_text(edited: Callable[..., Path], text: str, expected: object) -> None:
    plan = edited(lambda plan: resource(plan, "aws_ecs_service.worker[0]").update(task_definition=text))
    assert of(plan, "services", "worker-0")["pool_size"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("150", 150),
        ("LEAST({DBInstanceClassMemory/9531392},5000)", None),
        ("{DBInstanceClassMemory/12582880}", "max_connections is '{DBInstanceClassMemory/12582880}', which"),
        ("8388607", "max_connections is '8388607', which isn't a number of connections"),
    ],
)
def test_max_connections_of_a_parameter_group(
    edited: Callable[..., Path], text: str, expected: object
) -> None:
    def change(plan: Any) -> None:
        resource(plan, "aws_db_parameter_group.orders")["parameter"][1]["value"] = text

    said = of(edited(change), "databases", "orders")
    found = said.get("max_connections")
    assert found == expected or str(found).startswith(str(expected))
    assert said["instance_class"] == "db.r6g.large"


def test_a_cluster_without_instances(edited: Callable[..., Path]) -> None:
    def change(plan: Any) -> None:
        del resource(plan, "aws_rds_cluster.empty")["db_cluster_parameter_group_name"]

    expected = "no instance of aws_rds_cluster.empty is in the plan"
    assert of(edited(change, AURORA), "databases", "empty")["max_connections"] == expected


def test_the_writer_that_the_state_knows_has_the_clusters_name(edited: Callable[..., Path]) -> None:
    def change(plan: Any) -> None:
        resource(plan, "module.ledger.aws_rds_cluster_instance.this[1]")["writer"] = True

    plan = edited(change, AURORA)
    assert of(plan, "databases", "ledger")["max_connections"] == 1500
    assert of(plan, "databases", "ledger-0")["instance_class"] == "db.r6g.xlarge"


# Files that aren't plans.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            b"PK\x03\x04\xff\xfe binary plan",
            "the file is not JSON; write the plan as JSON with `terraform show",
        ),
        (b"", "the file is not JSON"),
        (b"[" * 100_000, "the file is not JSON"),
        (b'{"planned_values": {"x": "\\ud800"}}', "the file is not JSON"),
        (b"[]", "the file holds something else, not a Terraform plan; write the file again"),
        (b'{"terraform_version": "1.11.4", "values": {}}', "the file holds a state, not a Terraform plan"),
        (b'{"planned_values": [], "errored": true}', "the plan ended with an error, so it is not whole"),
        (b'{"planned_values": []}', "planned_values is not an object"),
        (b'{"planned_values": {"root_module": {"resources": {}}}}', "there is no list where"),
        (b'{"planned_values": {"root_module": {"resources": [{}]}}}', "a resource of planned_values has no"),
    ],
)
def test_a_file_that_is_no_plan(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        readings(file)
    assert str(caught.value).startswith(f"{file}: {expected}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the plan can't be read: No such file"):
        readings(tmp_path / "plan.json")


def test_no_file() -> None:
    with pytest.raises(InputError, match="a terraform-plan source needs `file`"):
        list(read(SourceTable(kind="terraform-plan")))


def test_what_powershell_writes(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(FLEET.read_text(), encoding="utf-16")
    assert len(readings(file)) == len(readings(FLEET))


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("desired_count", "many", "desired_count of aws_ecs_service.worker[0] is not a whole number"),
        ("desired_count", True, "desired_count of aws_ecs_service.worker[0] is not a whole number"),
        ("name", 7, "name of aws_ecs_service.worker[0] is not a text"),
        ("deployment_controller", "ECS", "there is no list where a Terraform plan has one"),
    ],
)
def test_values_of_another_type(
    edited: Callable[..., Path], attribute: str, value: object, expected: str
) -> None:
    plan = edited(lambda plan: resource(plan, "aws_ecs_service.worker[0]").update({attribute: value}))
    with pytest.raises(InputError) as caught:
        readings(plan)
    assert str(caught.value).startswith(f"{plan}: {expected}")


# Whatever the JSON holds.

_PLANS = {file: json.loads(file.read_text()) for file in (FLEET, AURORA)}
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 300_000),
    st.floats(),
    st.sampled_from(
        ["", "1", "prod", "service/prod/booking", "aws_ecs_service.svc", "db.serverless", "var.x"]
    ),
    st.sampled_from(
        ["orders", "booking", "each.key", "module.ledger", "module.admin.x", "postgres", "[]", "{"]
    ),
)
_VALUES = st.one_of(_SCALARS, st.lists(_SCALARS, max_size=2), st.dictionaries(st.just("name"), _SCALARS))


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a tree with each of its keys."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from places(tree[key])


def damage(draw: st.DrawFn, plan: Any) -> None:
    container, key = draw(st.sampled_from(list(places(plan))))
    action = draw(st.sampled_from(["replace", "replace", "delete", "copy"]))
    if action == "delete":
        del container[key]
    elif action == "copy":
        source, other = draw(st.sampled_from(list(places(plan))))
        container[key] = copy.deepcopy(source[other])
    elif key == "container_definitions" and isinstance(container[key], str) and draw(st.booleans()):
        inner = json.loads(container[key])
        damage(draw, inner)
        container[key] = json.dumps(inner)
    else:
        container[key] = draw(_VALUES)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    plan = copy.deepcopy(_PLANS[draw(st.sampled_from([FLEET, AURORA]))])
    for _ in range(draw(st.integers(1, 4))):
        damage(draw, plan)
    return plan


def check(found: list[Reading]) -> None:
    """Known values are what a budget file may hold, together."""
    tables: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in found:
        assert ": " in each.origin
        if isinstance(each.value, Unknown):
            assert each.value.why
            continue
        assert each.path[0] in TABLES
        table = tables.setdefault(each.path[:2], {})
        for step in each.path[2:-1]:
            table = table.setdefault(step, {})
        table[each.path[-1]] = each.value
    for (kind, _), table in tables.items():
        if "max" not in table.get("instances", {"max": 0}):
            del table["instances"]
        for name in ("replica_of", "database"):  # names are the source's own, and `rename` is there for them
            table.pop(name, None)
        TABLES[kind].model_validate(table)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=damaged())
def test_whatever_the_json_holds(plan: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("plan") / "plan.json"
    file.write_text(json.dumps(plan))
    try:
        check(readings(file))
    except InputError as error:
        assert str(error).startswith(f"{file}: ")  # noqa: PT017 - readings may come as well


# Containers, as every source of them hands them over.


def pools(*containers: tuple[str, dict[str, str | Unknown]], **options: list[str]) -> dict[str, object]:
    source = SourceTable(kind="x", pool_size_variables=options.get("sizes"))
    made = [Container(name, variables, f"f: {name}") for name, variables in containers]
    found = pool_readings("payment", made, source)
    return {
        ".".join(each.path[2:]): each.value.why if isinstance(each.value, Unknown) else each.value
        for each in found
    }


NOTHING = (
    "no container of the task says its pool size (looked for DB_POOL_MAX, DB_POOL_SIZE, DB_POOL and 30 more)"
)
URL = "postgres://app:pool_size=77@db:5432/app?sslmode=require&"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"DB_POOL_MAX": "10"}, 10),
        ({"DB_POOL_MAX": " 10 "}, 10),
        ({"DB_POOL_MAX": "10", "RAILS_MAX_THREADS": "5"}, 10),
        ({"RAILS_MAX_THREADS": "5"}, 5),
        ({"DB_POOL_MAX": "10", "DATABASE_URL": f"{URL}connection_limit=10"}, 10),
        ({"DATABASE_URL": f"{URL}connection_limit=7"}, 7),
        ({"DATABASE_URL": f"{URL}pool_max_conns=7"}, 7),
        ({"DATABASE_URL": f"{URL}pool_size=7"}, 7),
        ({"DATABASE_URL": f"{URL}pool_timeout=7", "DB_POOL": "3"}, 3),
        ({"ConnectionStrings__Main": "Host=db;Password=x;Maximum Pool Size=30"}, 30),
        ({"DSN": "host=db user=app pool_max_conns=12"}, 12),
        ({"CACHE_URL": "redis://cache/?pool_size=99", "DB_POOL": "3"}, 3),
        ({"DB_POOL_MAX": "ten"}, "DB_POOL_MAX of container app, 'ten', isn't a whole number up to 262143"),
        ({"DB_POOL_MAX": "s3cr3t-Pa55"}, "DB_POOL_MAX of container app isn't a whole number up to 262143"),
        ({"DB_POOL_MAX": "0"}, "DB_POOL_MAX of container app is 0, and for some drivers that is without end"),
        (
            {"DATABASE_URL": f"{URL}connection_limit=s3cr3t"},
            "the size in DATABASE_URL of container app isn't a whole number up to 262143",
        ),
        (
            {"DB_POOL_MAX": "10", "PG_POOL_SIZE": "20"},
            "DB_POOL_MAX and PG_POOL_SIZE of container app say different things; name the one that counts",
        ),
        (
            {"DATABASE_URL": f"{URL}connection_limit=5", "READ_URL": f"{URL}connection_limit=5&x=1"},
            "DATABASE_URL and READ_URL of container app may be a pool each; name them as pools",
        ),
        (
            {"LOG_LEVEL": "info"},
            NOTHING,
        ),
    ],
)
def test_the_pool_size_of_a_container(variables: dict[str, str | Unknown], expected: object) -> None:
    assert pools(("app", variables)) == {"pool_size": expected}


def test_the_sources_own_variables_replace_the_defaults() -> None:
    assert pools(("app", {"DB_POOL_MAX": "10", "MY_POOL": "3"}), sizes=["MY_POOL"]) == {"pool_size": 3}


def test_a_sidecar_has_no_pool_and_no_say() -> None:
    app = {"DB_POOL_MAX": "10", "WEB_CONCURRENCY": "2"}
    assert pools(("app", app), ("web", {"WEB_CONCURRENCY": "8"})) == {"pool_size": 10, "processes": 2}


def test_containers_with_the_same_processes_share_the_number() -> None:
    both: dict[str, str | Unknown] = {"DB_POOL_MAX": "10", "WEB_CONCURRENCY": "2"}
    found = pools(("app", both), ("app", both))
    assert found == {"pools.app.pool_size": 10, "pools.app-2.pool_size": 10, "processes": 2}


def test_no_workers_of_puma_are_one_process() -> None:
    assert pools(("app", {"DB_POOL": "5", "WEB_CONCURRENCY": "0"})) == {"pool_size": 5, "processes": 1}


def test_what_hides_variables_is_named() -> None:
    container = Container("app", {}, "f: app", hidden="envFrom of container app takes the secret app-env")
    (found,) = pool_readings("payment", [container], SourceTable(kind="x"))
    assert found == Reading(
        ("services", "payment", "pool_size"),
        Unknown("envFrom of container app takes the secret app-env"),
        "f: app",
    )
