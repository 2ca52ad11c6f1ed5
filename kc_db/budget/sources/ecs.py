"""ECS services of a cluster as AWS has them now: tasks, autoscaling, deploys, pools in task definitions.

`cluster` is the cluster's name or ARN, `region` its region. The credentials need ecs:ListServices and
ecs:DescribeServices; without ecs:DescribeTaskDefinition, application-autoscaling:DescribeScalableTargets or
application-autoscaling:DescribeScheduledActions, what these would tell is Unknown.

Facts: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html,
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html,
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTargetAction.html
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Path, Reading, Unknown
from kc_db.budget.sources._aws import Answer, Api, AwsError, DeniedError, Item, open_apis
from kc_db.budget.sources._containers import Container, pool_readings
from kc_db.errors import InputError

# DescribeServices takes no more at once.
_SERVICES_AT_ONCE = 10
_DEPLOYS = {"ROLLING": "rolling", "BLUE_GREEN": "blue-green", "LINEAR": "linear", "CANARY": "canary"}
_ONE_DAY = timedelta(days=1)

# A limit of autoscaling, and where it was read.
_Limit = tuple[int, str]


def read(source: SourceTable) -> Iterator[Reading]:
    """Tasks, deploys and pools of every service of the cluster.

    Raises:
        InputError: no cluster is named, there is no such cluster, or no credentials or region.
        ServerError: AWS can't be reached, or doesn't let the services be listed.
    """
    if source.cluster is None:
        raise InputError('the source ecs needs its cluster: cluster = "production"')
    ecs, scaling = open_apis(
        "ecs", "application-autoscaling", region=source.region or _region(source.cluster)
    )
    autoscaling = _Autoscaling(scaling, source.cluster.rpartition("/")[2])
    task_definitions = _TaskDefinitions(ecs)
    for names, answer in _services(ecs, source.cluster):
        for service in answer.items:
            yield from _instances(service, answer, autoscaling)
            yield from _deploy(service, answer)
            yield from task_definitions.readings(service, source)
        yield from _missing(names, answer)


def _region(cluster: str) -> str | None:
    """The region of an ARN, arn:aws:ecs:<region>:<account>:cluster/<name>; None for a name."""
    parts = cluster.split(":")
    return parts[3] if parts[0] == "arn" and parts[3:] else None


def _services(ecs: Api, cluster: str) -> Iterator[tuple[list[str], Answer]]:
    """Names of services, and what DescribeServices says of them."""
    try:
        arns = ecs.ask("ListServices", "serviceArns", cluster=cluster).items
    except AwsError as error:
        if error.code == "ClusterNotFoundException":
            raise InputError(
                f"there is no ECS cluster {cluster} in {ecs.region}; check cluster and region of the source, "
                "and AWS_PROFILE"
            ) from error
        raise
    for start in range(0, len(arns), _SERVICES_AT_ONCE):
        chunk = list(arns[start : start + _SERVICES_AT_ONCE])
        answer = ecs.ask("DescribeServices", "services", cluster=cluster, services=chunk)
        yield [_short(arn) for arn in chunk], answer


def _missing(names: Sequence[str], answer: Answer) -> Iterator[Reading]:
    """Services that were listed and then not described: `failures` in the answer."""
    described = {service["serviceName"] for service in answer.items}
    for name in names:
        if name not in described:
            why = Unknown("ListServices names it, and DescribeServices doesn't find it; was it just deleted?")
            yield Reading(("services", name, "instances", "max"), why, answer.origin(name))


def _instances(service: Item, answer: Answer, autoscaling: "_Autoscaling") -> Iterator[Reading]:
    """What the service has now, and how far autoscaling goes; that is widened to what it has now.

    Where its most is unknown, nothing else is said: a range without an end is none.
    """
    name = str(service["serviceName"])
    path = ("services", name, "instances")
    desired = int(service["desiredCount"]), answer.origin(f"{name}.desiredCount")
    try:
        lows, highs = autoscaling.limits(name)
        unknown = _untold(service)
    except DeniedError as error:
        lows, highs, unknown = [], [], Unknown(error.why)
    if unknown:
        yield Reading((*path, "max"), unknown, desired[1])
        return
    if lows:
        yield Reading((*path, "min"), *min([*lows, desired], key=_number))
    yield Reading((*path, "desired"), *desired)
    yield Reading((*path, "max"), *max([*highs, desired], key=_number))


def _untold(service: Item) -> Unknown | None:
    """Why ECS itself doesn't say how many tasks the service may have."""
    if service.get("schedulingStrategy") == "DAEMON":
        return Unknown(
            "it is a daemon: one task on each container instance, and others decide how many there are"
        )
    if service.get("deploymentController", {}).get("type") == "EXTERNAL":
        return Unknown("its deployment controller is EXTERNAL, and that decides on its task sets")
    return None


def _number(limit: _Limit) -> int:
    """What limits are compared by; of equal ones the first counts, which is autoscaling's."""
    return limit[0]


def _deploy(service: Item, answer: Answer) -> Iterator[Reading]:
    name = str(service["serviceName"])
    configuration = service.get("deploymentConfiguration", {})
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller == "EXTERNAL":
        return
    if controller == "CODE_DEPLOY":
        yield _deploys(name, "blue-green", answer.origin(f"{name}.deploymentController"))
        return
    strategy = configuration.get("strategy", "ROLLING")
    origin = answer.origin(f"{name}.deploymentConfiguration.strategy")
    yield _deploys(
        name, _DEPLOYS.get(strategy) or Unknown(f"kc-db doesn't know the strategy {strategy}"), origin
    )
    if strategy == "ROLLING" and "maximumPercent" in configuration:
        origin = answer.origin(f"{name}.deploymentConfiguration.maximumPercent")
        yield Reading(("services", name, "maximum_percent"), int(configuration["maximumPercent"]), origin)


def _deploys(name: str, value: str | Unknown, origin: str) -> Reading:
    return Reading(("services", name, "deploy"), value, origin)


class _Autoscaling:
    """Limits of all services of the cluster: its targets and their scheduled actions, asked for once."""

    def __init__(self, api: Api, cluster: str) -> None:
        self._api = api
        self._cluster = cluster
        self._answers: dict[str, Answer | DeniedError] = {}

    def limits(self, service: str) -> tuple[list[_Limit], list[_Limit]]:
        """Each lower and each upper limit of its tasks that something sets; none where nothing does.

        Raises:
            DeniedError: the credentials may not ask.
        """
        resource = f"service/{self._cluster}/{service}"
        targets = self._ask("DescribeScalableTargets", "ScalableTargets")
        lows = [
            (int(target["MinCapacity"]), targets.origin(f"{service}.MinCapacity"))
            for target in _of(targets, resource)
        ]
        highs = [
            (int(target["MaxCapacity"]), targets.origin(f"{service}.MaxCapacity"))
            for target in _of(targets, resource)
        ]
        if not lows:
            return [], []
        actions = self._ask("DescribeScheduledActions", "ScheduledActions")
        for action in _of(actions, resource):
            if not _is_over(action, actions.at):
                low, high = _scheduled(action, f"{service}.{action['ScheduledActionName']}", actions)
                lows += low
                highs += [*high, *low]  # a minimum alone may be more than the maximum so far
        return lows, highs

    def _ask(self, operation: str, key: str) -> Answer:
        """An answer, or the refusal, is kept: it is the same for every service."""
        if operation not in self._answers:
            try:
                self._answers[operation] = self._api.ask(operation, key, ServiceNamespace="ecs")
            except DeniedError as error:
                self._answers[operation] = error
        answer = self._answers[operation]
        if isinstance(answer, DeniedError):
            raise answer
        return answer


def _of(answer: Answer, resource: str) -> list[Item]:
    return [item for item in answer.items if item["ResourceId"] == resource]


def _scheduled(action: Item, name: str, answer: Answer) -> tuple[list[_Limit], list[_Limit]]:
    """What a scheduled action sets, as limits: at most one of each kind."""
    change = action.get("ScalableTargetAction", {})

    def limit(key: str) -> list[_Limit]:
        return [(int(change[key]), answer.origin(f"{name}.{key}"))] if change.get(key) is not None else []

    return limit("MinCapacity"), limit("MaxCapacity")


def _is_over(action: Item, now: datetime) -> bool:
    """Whether it never runs again: its end is past, or its one moment is, at(2026-11-01T08:00:00).

    What a past action set is what the target says now. A day is left for the moment's time zone.
    """
    end = action.get("EndTime")
    if end is not None and end < now:
        return True
    schedule = str(action.get("Schedule", ""))
    return schedule.startswith("at(") and schedule[3:].rstrip(")") < f"{now - _ONE_DAY:%Y-%m-%dT%H:%M:%S}"


class _TaskDefinitions:
    """Pools in the services' task definitions; each is asked for once."""

    def __init__(self, ecs: Api) -> None:
        self._ecs = ecs
        self._containers: dict[str, list[Container]] = {}

    def readings(self, service: Item, source: SourceTable) -> Iterator[Reading]:
        """Pool sizes and processes of a service."""
        name = str(service["serviceName"])
        arn = _task_definition(service)
        path: Path = ("services", name, "pool_size")
        if arn is None:
            yield Reading(path, Unknown("the service has no task definition"), f"ECS DescribeServices {name}")
            return
        try:
            containers = self._of(arn)
        except DeniedError as error:
            yield Reading(path, Unknown(error.why), f"ECS DescribeTaskDefinition {_short(arn)}")
            return
        yield from pool_readings(name, containers, source)

    def _of(self, arn: str) -> list[Container]:
        if arn not in self._containers:
            answer = self._ecs.ask("DescribeTaskDefinition", "taskDefinition", taskDefinition=arn)
            origin = f"{answer.origin(_short(arn))}:"
            self._containers[arn] = [
                _container(each, f"{origin} {each['name']}")
                for definition in answer.items
                for each in definition.get("containerDefinitions", ())
            ]
        return self._containers[arn]


def _task_definition(service: Item) -> str | None:
    """The service's own, or that of its primary task set where another controller deploys it."""
    primary = [each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"]
    found = service.get("taskDefinition") or next((each["taskDefinition"] for each in primary), None)
    return str(found) if found else None


def _short(arn: str) -> str:
    """What follows an ARN's last slash: payment of a service, payment:12 of a task definition."""
    return arn.rpartition("/")[2]


def _container(definition: Item, origin: str) -> Container:
    variables: dict[str, str | Unknown] = {
        str(each["name"]): str(each.get("value", "")) for each in definition.get("environment", ())
    }
    for each in definition.get("secrets", ()):
        variables[str(each["name"])] = Unknown("comes from a secret")
    words = [str(word) for key in ("entryPoint", "command") for word in definition.get(key) or ()]
    return Container(str(definition["name"]), variables, origin, _hidden(definition), tuple(words))


def _hidden(definition: Mapping[str, object]) -> str:
    if not definition.get("environmentFiles"):
        return ""
    return f"environmentFiles of container {definition['name']} are files in S3, which kc-db doesn't read"
