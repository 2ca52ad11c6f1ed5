"""What is read from ECS and RDS: moto stands in for AWS, and botocore's Stubber where moto can't."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import loaders, xform_name
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.stub import Stubber
from moto import mock_aws

from kc_db.budget.schema import InstanceRange, SourceTable, table_at
from kc_db.budget.sources import Reading, Unknown, _aws, ecs, rds
from kc_db.errors import InputError, KcDbError, ServerError

REGION = "eu-west-1"
AT = re.compile(r" at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ACCOUNT = "123456789012"


@cache
def load_file(path: str) -> Any:
    return loaders.JSONFileLoader().load_file(path)


class FilesReadOnce(loaders.JSONFileLoader):
    """botocore reads what a service can do for each session anew, and that is most of a test's time."""

    def load_file(self, file_path: str) -> Any:
        return load_file(file_path)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, and nothing of the developer's own AWS configuration."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-ours")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # moto's RDS has an EC2 behind it
    monkeypatch.setattr(loaders.Loader, "FILE_LOADER_CLASS", FilesReadOnce)
    with mock_aws():
        yield


def read_ecs(**options: Any) -> dict[str, Reading]:
    return by_path(ecs.read(SourceTable(kind="ecs", cluster="production", **options)))


def read_rds(**options: Any) -> dict[str, Reading]:
    return by_path(rds.read(SourceTable(kind="rds", **options)))


def by_path(readings: Iterator[Reading]) -> dict[str, Reading]:
    """Readings by their dotted path, each of which there is once, and which a budget file can say."""
    found: dict[str, Reading] = {}
    for reading in readings:
        path = ".".join(reading.path)
        assert path not in found
        assert "\n" not in reading.origin
        table = table_at(reading.path[:-1])
        assert table is not None
        assert reading.path[-1] in table.model_fields
        if not isinstance(reading.value, Unknown):
            key = "max" if table is InstanceRange else reading.path[-1]
            table.model_validate({key: reading.value})
        found[path] = reading
    return found


def values(readings: dict[str, Reading], prefix: str = "") -> dict[str, object]:
    return {
        path.removeprefix(prefix): reading.value
        for path, reading in readings.items()
        if path.startswith(prefix)
    }


def why(reading: Reading) -> str:
    assert isinstance(reading.value, Unknown)
    return reading.value.why


def origin(reading: Reading) -> str:
    """Without the time, which must be there."""
    assert AT.search(reading.origin)
    return AT.sub("", reading.origin)


# --- ECS ---


@cache
def client(service: str) -> Any:
    return boto3.client(service)


def add_cluster() -> None:
    client("ecs").create_cluster(clusterName="production")


def add_service(name: str, containers: list[dict[str, Any]] | None = None, **options: Any) -> None:
    containers = containers or [{"name": "app", "environment": [{"name": "DB_POOL_MAX", "value": "10"}]}]
    for container in containers:
        container |= {"image": "example", "memory": 128}
    client("ecs").register_task_definition(family=name, containerDefinitions=containers)
    options = {"desiredCount": 2, "taskDefinition": name, **options}
    client("ecs").create_service(cluster="production", serviceName=name, **options)


def add_scaling(name: str, low: int, high: int, *actions: dict[str, Any]) -> None:
    scaling = client("application-autoscaling")
    key = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/production/{name}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(MinCapacity=low, MaxCapacity=high, **key)
    for number, action in enumerate(actions):
        scaling.put_scheduled_action(
            ScheduledActionName=f"action-{number}", **key, **{"Schedule": "cron(0 18 * * ? *)", **action}
        )


def test_a_service_without_autoscaling() -> None:
    add_cluster()
    add_service("payment")
    found = read_ecs()
    assert values(found, "services.payment.") == {
        "instances.desired": 2,
        "instances.max": 2,
        "deploy": "rolling",
        "pool_size": 10,
    }
    assert origin(found["services.payment.instances.max"]) == "ECS DescribeServices payment.desiredCount"
    assert found["services.payment.pool_size"].origin.endswith("Z: app.DB_POOL_MAX")
    assert found["services.payment.pool_size"].origin.startswith("ECS DescribeTaskDefinition payment:1 at ")


def test_autoscaling_and_its_schedule() -> None:
    add_cluster()
    add_service("payment")
    evening = {"ScalableTargetAction": {"MinCapacity": 6, "MaxCapacity": 12}}
    night = {"ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2}}
    add_scaling("payment", 2, 8, evening, night)
    found = read_ecs()
    assert values(found, "services.payment.instances.") == {"min": 1, "desired": 2, "max": 12}
    assert (
        origin(found["services.payment.instances.max"])
        == "Application Auto Scaling DescribeScheduledActions payment.action-0.MaxCapacity"
    )
    assert "action-1.MinCapacity" in found["services.payment.instances.min"].origin


def test_autoscaling_alone() -> None:
    add_cluster()
    add_service("payment")
    add_scaling("payment", 2, 8)
    found = read_ecs()
    assert values(found, "services.payment.instances.") == {"min": 2, "desired": 2, "max": 8}
    assert (
        origin(found["services.payment.instances.max"])
        == "Application Auto Scaling DescribeScalableTargets payment.MaxCapacity"
    )


def test_a_minimum_of_a_scheduled_action_can_be_the_largest() -> None:
    add_cluster()
    add_service("payment")
    add_scaling("payment", 2, 8, {"ScalableTargetAction": {"MinCapacity": 9}})
    assert read_ecs()["services.payment.instances.max"].value == 9


def test_what_it_has_now_widens_the_limits() -> None:
    add_cluster()
    add_service("payment", desiredCount=20)
    add_scaling("payment", 25, 30)
    assert values(read_ecs(), "services.payment.instances.") == {"min": 20, "desired": 20, "max": 30}


def test_scheduled_actions_that_are_over() -> None:
    yesterday = datetime.now(UTC) - timedelta(days=2)
    add_cluster()
    add_service("payment")
    past = {"EndTime": yesterday, "ScalableTargetAction": {"MaxCapacity": 40}}
    once = {"Schedule": f"at({yesterday:%Y-%m-%dT%H:%M:%S})", "ScalableTargetAction": {"MaxCapacity": 50}}
    add_scaling("payment", 2, 8, past, once)
    assert read_ecs()["services.payment.instances.max"].value == 8


@pytest.mark.parametrize(
    ("item", "over"),
    [
        ({"Schedule": "cron(0 18 * * ? *)"}, False),
        ({"Schedule": "at(2026-11-25T09:00:00)"}, True),
        ({"Schedule": "at(2026-11-25T23:00:00)"}, False),  # 13 hours ago in UTC, not over everywhere
        ({"Schedule": "rate(1 day)", "EndTime": datetime(2026, 11, 26, 11, tzinfo=UTC)}, True),
        ({"Schedule": "rate(1 day)", "EndTime": datetime(2026, 11, 26, 13, tzinfo=UTC)}, False),
    ],
)
def test_is_over(item: dict[str, Any], over: bool) -> None:
    assert ecs._is_over(item, datetime(2026, 11, 26, 12, tzinfo=UTC)) is over


def test_more_services_than_one_question_takes() -> None:
    add_cluster()
    for number in range(23):
        add_service(f"service-{number}")
    found = read_ecs()
    assert len({reading.path[1] for reading in found.values()}) == 23


@pytest.mark.parametrize(
    ("configuration", "controller", "deploy", "maximum_percent"),
    [
        ({}, None, "rolling", None),
        ({"strategy": "ROLLING", "maximumPercent": 120}, "ECS", "rolling", 120),
        ({"strategy": "BLUE_GREEN", "maximumPercent": 200}, "ECS", "blue-green", None),
        ({"strategy": "LINEAR"}, "ECS", "linear", None),
        ({"strategy": "CANARY"}, "ECS", "canary", None),
        ({"maximumPercent": 200}, "CODE_DEPLOY", "blue-green", None),
        ({"strategy": "NEW"}, "ECS", Unknown("kc-db doesn't know the strategy NEW"), None),
    ],
)
def test_deploys(
    configuration: dict[str, Any], controller: str | None, deploy: object, maximum_percent: int | None
) -> None:
    service: dict[str, Any] = {"serviceName": "payment", "deploymentConfiguration": configuration}
    if controller:
        service["deploymentController"] = {"type": controller}
    answer = _aws.Answer((service,), "ECS DescribeServices", datetime.now(UTC))
    found = values(by_path(ecs._deploy(service, answer)), "services.payment.")
    expected = {"deploy": deploy} | ({"maximum_percent": maximum_percent} if maximum_percent else {})
    assert found == expected


def test_a_daemon() -> None:
    add_cluster()
    add_service("agent", schedulingStrategy="DAEMON")
    found = read_ecs()
    assert "daemon" in why(found["services.agent.instances.max"])
    assert "services.agent.instances.desired" not in found


def test_another_controller() -> None:
    add_cluster()
    add_service("payment", deploymentController={"type": "EXTERNAL"})
    found = read_ecs()
    assert "EXTERNAL" in why(found["services.payment.instances.max"])
    assert "services.payment.deploy" not in found


def test_the_task_definition_of_a_task_set() -> None:
    sets = [{"status": "ACTIVE", "taskDefinition": "old"}, {"status": "PRIMARY", "taskDefinition": "new"}]
    assert ecs._task_definition({"taskSets": sets}) == "new"
    assert ecs._task_definition({}) is None


def test_a_pool_size_that_is_a_secret() -> None:
    secret = {"name": "DB_POOL_MAX", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/pool"}
    add_cluster()
    add_service("payment", [{"name": "app", "secrets": [secret]}])
    assert why(read_ecs()["services.payment.pool_size"]) == "DB_POOL_MAX of container app comes from a secret"


def test_a_sidecar_and_processes() -> None:
    variables = {"DB_POOL_MAX": "5", "WEB_CONCURRENCY": "3"}
    app = {"name": "app", "environment": [{"name": k, "value": v} for k, v in variables.items()]}
    add_cluster()
    add_service("payment", [app, {"name": "envoy"}])
    found = values(read_ecs(), "services.payment.")
    assert (found["pool_size"], found["processes"]) == (5, 3)


def test_a_file_of_variables() -> None:
    files = {"name": "app", "environmentFiles": [{"value": "arn:aws:s3:::b/app.env", "type": "s3"}]}
    container = ecs._container(files, "here")
    assert container.hidden == "environmentFiles of container app are files in S3, which kc-db doesn't read"


def test_a_cluster_by_its_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    add_cluster()
    add_service("payment")
    add_scaling("payment", 2, 8)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/production"
    found = by_path(ecs.read(SourceTable(kind="ecs", cluster=arn)))
    assert found["services.payment.instances.max"].value == 8


def test_a_cluster_that_is_not_there() -> None:
    with pytest.raises(InputError, match="there is no ECS cluster production in eu-west-1; check cluster"):
        read_ecs()


def test_no_cluster_is_named() -> None:
    with pytest.raises(InputError, match="needs its cluster"):
        list(ecs.read(SourceTable(kind="ecs")))


def test_a_service_that_was_just_deleted() -> None:
    answer = _aws.Answer(({"serviceName": "payment"},), "ECS DescribeServices", datetime.now(UTC))
    (reading,) = ecs._missing(["payment", "gone"], answer)
    assert reading.path == ("services", "gone", "instances", "max")
    assert "just deleted" in why(reading)


# --- permissions and errors ---


@pytest.fixture
def deny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes AWS refuse operations."""
    denied: dict[str, str] = {}
    ask = _aws.Api._items

    def refuse(self: _aws.Api, operation: str, key: str, arguments: Any) -> Iterator[Any]:
        if operation not in denied:
            yield from ask(self, operation, key, arguments)
            return
        with Stubber(self.client) as stubber:
            stubber.add_client_error(
                xform_name(operation), denied[operation], "User: arn:aws:iam::1:user/x ..."
            )
            yield from ask(self, operation, key, arguments)

    monkeypatch.setattr(_aws.Api, "_items", refuse)
    return lambda *operations, code="AccessDeniedException": denied.update(dict.fromkeys(operations, code))


@pytest.mark.parametrize("operation", ["DescribeScalableTargets", "DescribeScheduledActions"])
def test_autoscaling_may_not_be_asked(deny: Any, operation: str) -> None:
    add_cluster()
    add_service("payment")
    add_scaling("payment", 2, 8)
    deny(operation)
    found = read_ecs()
    assert "services.payment.instances.desired" not in found
    reason = f"the credentials lack the IAM action application-autoscaling:{operation}"
    assert why(found["services.payment.instances.max"]) == reason
    assert found["services.payment.pool_size"].value == 10


def test_schedules_matter_only_to_services_that_scale(deny: Any) -> None:
    add_cluster()
    add_service("payment")
    deny("DescribeScheduledActions")
    assert read_ecs()["services.payment.instances.max"].value == 2


def test_task_definitions_may_not_be_asked(deny: Any) -> None:
    add_cluster()
    add_service("payment")
    deny("DescribeTaskDefinition")
    found = read_ecs()
    assert why(found["services.payment.pool_size"]).endswith("ecs:DescribeTaskDefinition")
    assert found["services.payment.instances.max"].value == 2


def test_services_may_not_be_listed(deny: Any) -> None:
    add_cluster()
    deny("ListServices")
    with pytest.raises(
        ServerError, match=r"^AWS refuses ecs:ListServices; allow this action in the IAM policy"
    ):
        read_ecs()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("ExpiredTokenException", InputError, "have expired"),
        ("InvalidClientTokenId", InputError, "doesn't accept the credentials"),
        ("SignatureDoesNotMatch", InputError, "doesn't accept the credentials"),
        ("UnrecognizedClientException", InputError, "doesn't accept the credentials"),
        ("ThrottlingException", ServerError, "ECS ListServices failed: ThrottlingException: User"),
    ],
)
def test_refusals(deny: Any, code: str, kind: type[KcDbError], words: str) -> None:
    add_cluster()
    deny("ListServices", code=code)
    with pytest.raises(kind, match=words) as caught:
        read_ecs()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (NoCredentialsError(), InputError, "no AWS credentials that work"),
        (ProfileNotFound(profile="prod"), InputError, "AWS_PROFILE names a profile"),
        (
            EndpointConnectionError(endpoint_url="https://x"),
            ServerError,
            "can't reach AWS for ECS ListServices",
        ),
        (ConnectTimeoutError(endpoint_url="https://x"), ServerError, "can't reach AWS"),
    ],
)
def test_no_answer(error: Exception, kind: type[KcDbError], words: str) -> None:
    def fail() -> None:
        with _aws.translated_errors("ecs", "ListServices"):
            raise error

    with pytest.raises(kind, match=words) as caught:
        fail()
    assert "\n" not in str(caught.value)


def test_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(InputError, match="AWS needs a region"):
        read_ecs()


def test_a_configuration_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(ServerError, match="AWS's configuration failed: ConfigParseError; check"):
        read_ecs()


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InputError, match="AWS_PROFILE names a profile"):
        read_ecs()


def test_without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(InputError, match=r"pip install 'kc-db\[aws\]'"):
        read_rds()


# --- RDS ---

FORMULA = "LEAST({DBInstanceClassMemory/9531392},5000)"


def add_group(name: str, cluster: bool = False, family: str = "postgres16", **parameters: str) -> None:
    scope = "DBCluster" if cluster else "DB"
    key = {f"{scope}ParameterGroupName": name}
    prefix = "db_cluster" if cluster else "db"
    getattr(client("rds"), f"create_{prefix}_parameter_group")(
        DBParameterGroupFamily=family, Description="ours", **key
    )
    getattr(client("rds"), f"modify_{prefix}_parameter_group")(
        Parameters=[
            {
                "ParameterName": parameter.replace("__", "."),
                "ParameterValue": value,
                "ApplyMethod": "pending-reboot",
                "Source": "user",
            }
            for parameter, value in parameters.items()
        ],
        **key,
    )


def add_instance(name: str, group: str | None = None, **options: Any) -> None:
    given = {
        "Engine": "postgres",
        "DBInstanceClass": "db.r6g.large",
        "AllocatedStorage": 20,
        "MasterUsername": "u",
        "MasterUserPassword": "passwords",
        **({"DBParameterGroupName": group} if group else {}),
        **options,
    }
    if "DBClusterIdentifier" in given:
        given = {k: v for k, v in given.items() if k not in {"MasterUsername", "MasterUserPassword"}}
    client("rds").create_db_instance(DBInstanceIdentifier=name, **given)


def add_aurora(group: str | None = None, **options: Any) -> None:
    if group is None:  # the default group that moto names doesn't exist
        add_group("plain", cluster=True, family="aurora-postgresql16", work_mem="64")
    given = {
        "Engine": "aurora-postgresql",
        "DBClusterParameterGroupName": group or "plain",
        "MasterUsername": "u",
        "MasterUserPassword": "passwords",
        **options,
    }
    client("rds").create_db_cluster(DBClusterIdentifier="billing", **given)
    for name in ("billing-1", "billing-2"):
        add_instance(name, Engine="aurora-postgresql", DBClusterIdentifier="billing")


def test_an_instance_with_numbers() -> None:
    add_group(
        "ours",
        max_connections="200",
        superuser_reserved_connections="5",
        reserved_connections="2",
        rds__rds_superuser_reserved_connections="4",
        rds__rds_reserved_connections="3",
    )
    add_instance("primary", "ours")
    found = read_rds()
    assert values(found, "databases.primary.") == {
        "provider": "rds",
        "max_connections": 200,
        "superuser_reserved_connections": 5,
        "reserved_connections": 2,
        "vendor_reserved_connections": 7,
    }
    assert (
        origin(found["databases.primary.max_connections"]) == "RDS DescribeDBParameters ours.max_connections"
    )


@pytest.mark.parametrize("formula", [FORMULA, "LEAST( {DBInstanceClassMemory/9531392} , 5000 )", None])
def test_an_instance_with_the_formula(formula: str | None) -> None:
    add_group("ours", **({"max_connections": formula} if formula else {"work_mem": "64"}))
    add_instance("primary", "ours")
    found = read_rds()
    assert values(found, "databases.primary.") == {"provider": "rds", "instance_class": "db.r6g.large"}
    assert (
        origin(found["databases.primary.instance_class"]) == "RDS DescribeDBInstances primary.DBInstanceClass"
    )


def test_a_formula_of_ones_own() -> None:
    add_group("ours", max_connections="LEAST({DBInstanceClassMemory/9531392},2000)")
    add_instance("primary", "ours")
    found = read_rds()
    assert "LEAST({DBInstanceClassMemory/9531392},2000)" in why(found["databases.primary.max_connections"])
    assert "databases.primary.instance_class" not in found


def test_a_replica_and_another_engine() -> None:
    add_instance("primary")
    add_instance("other", Engine="mysql")
    client("rds").create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="primary", DBInstanceClass="db.t4g.medium"
    )
    found = read_rds()
    assert {reading.path[1] for reading in found.values()} == {"primary", "replica"}
    assert values(found, "databases.replica.") == {
        "provider": "rds",
        "replica_of": "primary",
        "instance_class": "db.t4g.medium",
    }


def test_a_primary_elsewhere() -> None:
    assert rds._primary(f"arn:aws:rds:{REGION}:1:cluster:billing", REGION) == "billing"
    assert rds._primary("arn:aws:rds:us-east-1:1:db:main", REGION) == Unknown(
        "it replicates main of another region, us-east-1"
    )


def test_aurora() -> None:
    add_group(
        "c", cluster=True, family="aurora-postgresql16", max_connections="300", reserved_connections="2"
    )
    add_aurora("c")
    found = read_rds()
    assert values(found, "databases.billing.") == {
        "provider": "aurora",
        "max_connections": 300,
        "reserved_connections": 2,
    }
    assert values(found, "databases.billing-2.")["replica_of"] == "billing"
    assert "databases.billing-1.provider" not in found
    assert (
        origin(found["databases.billing.max_connections"])
        == "RDS DescribeDBClusterParameters c.max_connections"
    )


SERVER = {"DBInstanceIdentifier": "a", "EngineVersion": "16.4", "DBInstanceClass": "db.r6g.large"}


def parameters(
    cluster: list[dict[str, str]], instance: list[dict[str, str]], status: str = "in-sync"
) -> dict[str, object]:
    """Values of the parameters that count, with both kinds of groups."""
    now = datetime.now(UTC)
    answers = {
        ("DBCluster", "c"): _aws.Answer(tuple(cluster), "RDS DescribeDBClusterParameters", now),
        ("DB", "i"): _aws.Answer(tuple(instance), "RDS DescribeDBParameters", now),
    }
    members = [
        {"DBInstanceIdentifier": "a", "IsClusterWriter": True, "DBClusterParameterGroupStatus": status}
    ]
    group = {"DBClusterIdentifier": "cluster", "DBClusterParameterGroup": "c", "DBClusterMembers": members}
    facts = {
        **SERVER,
        "DBParameterGroups": [{"DBParameterGroupName": "i", "ParameterApplyStatus": "in-sync"}],
    }
    server = rds._Server(facts, _aws.Answer((), "RDS DescribeDBInstances", now), group)
    found = rds._ParameterGroups(_aws.Api("rds", None), answers).of(server)
    return {name: parameter.number() for name, parameter in found.items()}


def said(value: str, source: str = "user", **more: str) -> dict[str, str]:
    return {"ParameterName": "max_connections", "ParameterValue": value, "Source": source, **more}


@pytest.mark.parametrize(
    ("cluster", "instance", "counts"),
    [
        ([said("300")], [said("1", "system")], 300),
        ([said("300")], [said("400")], 400),
        ([said("1", "system")], [said("2", "system")], 2),
        ([said("1", "system")], [said("400")], 400),
        ([said("300")], [], 300),
    ],
)
def test_which_group_counts(
    cluster: list[dict[str, str]], instance: list[dict[str, str]], counts: int
) -> None:
    assert parameters(cluster, instance) == {"max_connections": counts}


def test_parameters_of_later_versions_do_not_count() -> None:
    later = said("4", MinimumEngineVersion="16.5")
    assert parameters([later], []) == {}
    assert parameters([said("4", MinimumEngineVersion="16.4")], []) == {"max_connections": 4}
    assert rds._version("14.10") > rds._version("14.9-R2")


def test_a_parameter_without_a_value_is_the_engines_own() -> None:
    assert parameters([{"ParameterName": "max_connections", "Source": "engine-default"}], []) == {}


def test_a_reboot_is_waited_for() -> None:
    found = parameters([said("300")], [], status="pending-reboot")["max_connections"]
    assert found == Unknown("parameter group c waits for a reboot; till then another may be in force")


def test_serverless() -> None:
    add_aurora(ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 16})
    client("rds").modify_db_instance(DBInstanceIdentifier="billing-1", DBInstanceClass="db.serverless")
    found = read_rds()
    assert values(found, "databases.billing.") == {
        "provider": "aurora",
        "instance_class": "db.serverless",
        "memory_gib": 32.0,
    }


def test_clusters_may_not_be_asked(deny: Any) -> None:
    add_instance("primary")
    add_aurora()
    deny("DescribeDBClusters", code="AccessDenied")
    found = read_rds()
    assert why(found["databases.billing.max_connections"]).endswith("rds:DescribeDBClusters")
    assert found["databases.primary.instance_class"].value == "db.r6g.large"


def test_parameters_may_not_be_asked(deny: Any) -> None:
    add_instance("primary")
    deny("DescribeDBParameters", code="AccessDenied")
    found = read_rds()
    assert why(found["databases.primary.max_connections"]).endswith("rds:DescribeDBParameters")
    assert "databases.primary.instance_class" not in found


# --- RDS Proxy ---


def add_proxy(percent: int = 60, **targets: list[str]) -> None:
    client("rds").create_db_proxy(
        DBProxyName="proxy",
        EngineFamily="POSTGRESQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:s"}],
        RoleArn="arn:aws:iam::123456789012:role/proxy",
        VpcSubnetIds=[each["SubnetId"] for each in client("ec2").describe_subnets()["Subnets"]],
    )
    client("rds").modify_db_proxy_target_group(
        DBProxyName="proxy",
        TargetGroupName="default",
        ConnectionPoolConfig={"MaxConnectionsPercent": percent, "MaxIdleConnectionsPercent": 10},
    )
    if targets:
        client("rds").register_db_proxy_targets(DBProxyName="proxy", **targets)


def test_a_proxy_before_an_instance() -> None:
    add_instance("primary")
    add_proxy(DBInstanceIdentifiers=["primary"])
    found = read_rds()
    assert values(found, "poolers.") == {
        "proxy.kind": "rds-proxy",
        "proxy.database": "primary",
        "proxy.max_connections_percent": 60,
    }
    assert (
        origin(found["poolers.proxy.max_connections_percent"])
        == "RDS DescribeDBProxyTargetGroups proxy.MaxConnectionsPercent"
    )


def test_a_proxy_before_a_cluster() -> None:
    add_aurora()
    add_proxy(DBClusterIdentifiers=["billing"])
    assert read_rds()["poolers.proxy.database"].value == "billing"


def test_a_proxy_before_nothing() -> None:
    add_proxy()
    assert why(read_rds()["poolers.proxy.database"]) == "the proxy has 0 targets"


@pytest.mark.parametrize("operation", ["DescribeDBProxyTargets", "DescribeDBProxyTargetGroups"])
def test_parts_of_a_proxy_may_not_be_asked(deny: Any, operation: str) -> None:
    add_instance("primary")
    add_proxy(DBInstanceIdentifiers=["primary"])
    deny(operation, code="AccessDenied")
    found = read_rds()
    key = "database" if operation == "DescribeDBProxyTargets" else "max_connections_percent"
    assert why(found[f"poolers.proxy.{key}"]).endswith(f"rds:{operation}")


@pytest.mark.parametrize(
    ("roles", "readers"),
    [(["READ_WRITE"], {}), (["READ_WRITE", "READ_ONLY"], {"proxy-billing-2": "billing-2"})],
)
def test_a_proxys_read_only_endpoint(roles: list[str], readers: dict[str, str]) -> None:
    """Moto knows no endpoints of proxies."""
    rds_client = boto3.client("rds")
    targets = (
        {"Type": "TRACKED_CLUSTER", "RdsResourceId": "billing"},
        {
            "Type": "RDS_INSTANCE",
            "RdsResourceId": "billing-1",
            "TrackedClusterId": "billing",
            "Role": "READ_WRITE",
        },
        {
            "Type": "RDS_INSTANCE",
            "RdsResourceId": "billing-2",
            "TrackedClusterId": "billing",
            "Role": "READ_ONLY",
        },
    )
    answer = _aws.Answer(targets, "RDS DescribeDBProxyTargets", datetime.now(UTC))
    assert rds._behind(answer) == "billing"
    with Stubber(rds_client) as stubber:
        stubber.add_response(
            "describe_db_proxy_endpoints",
            {"DBProxyEndpoints": [{"DBProxyName": "proxy", "TargetRole": role} for role in roles]},
            {"DBProxyName": "proxy"},
        )
        assert rds._readers(_aws.Api("rds", rds_client), "proxy", answer) == readers
