"""RDS and Aurora servers of a region as AWS has them now: limits, classes, replicas, and RDS Proxies.

A single instance has its own name. A cluster's writer has the cluster's, whichever instance it is, and its
readers have theirs. The credentials need rds:DescribeDBInstances and rds:DescribeDBProxies; without
rds:DescribeDBClusters, rds:DescribeDBParameters, rds:DescribeDBClusterParameters, rds:DescribeDBProxyTargets,
rds:DescribeDBProxyTargetGroups or rds:DescribeDBProxyEndpoints, what these would tell is Unknown.

Facts, all under https://docs.aws.amazon.com/AmazonRDS/latest/: UserGuide/CHAP_Limits.html (max_connections),
AuroraUserGuide/USER_WorkingWithDBClusterParamGroups.html (which group counts), PostgreSQLReleaseNotes/
(rds.rds_reserved_connections, since 17.1, 16.5, 15.9, 14.14 and 13.17), UserGuide/rds-proxy-connections.html.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._aws import Answer, Api, DeniedError, Item, open_apis

_ENGINES = frozenset({"postgres", "aurora-postgresql"})
_DEFAULT_FORMULA = "LEAST({DBInstanceClassMemory/9531392},5000)"
_SETTINGS = ("superuser_reserved_connections", "reserved_connections")
_VENDOR_SETTINGS = ("rds.rds_superuser_reserved_connections", "rds.rds_reserved_connections")
_PRIMARY_KEYS = (
    "ReadReplicaSourceDBInstanceIdentifier",
    "ReadReplicaSourceDBClusterIdentifier",
    "ReplicationSourceIdentifier",
)
_SERVERLESS = "db.serverless"
# One Aurora capacity unit.
_GIB_PER_ACU = 2


def read(source: SourceTable) -> Iterator[Reading]:
    """Limits of every PostgreSQL server, and every RDS Proxy before one.

    Raises:
        InputError: no credentials, or no region.
        ServerError: AWS can't be reached, or doesn't let instances or proxies be described.
    """
    (rds,) = open_apis("rds", region=source.region)
    instances = rds.ask("DescribeDBInstances", "DBInstances")
    clusters, why = _clusters(rds)
    groups = _ParameterGroups(rds)
    unplaced: dict[str, Reading] = {}
    for instance in instances.items:
        if instance["Engine"] in _ENGINES:
            server = _Server(instance, instances, clusters.get(instance.get("DBClusterIdentifier", "")))
            if server.cluster is None and "DBClusterIdentifier" in instance:
                name, origin = str(instance["DBClusterIdentifier"]), server.origin("DBClusterIdentifier")
                unplaced[name] = Reading(("databases", name, "max_connections"), Unknown(why), origin)
            else:
                yield from _server(server, groups)
    yield from unplaced.values()
    yield from _proxies(rds)


def _clusters(rds: Api) -> tuple[Mapping[str, Item], str]:
    """Clusters by name, and why a name isn't among them."""
    try:
        answer = rds.ask("DescribeDBClusters", "DBClusters")
    except DeniedError as error:
        return {}, error.why
    clusters = {str(cluster["DBClusterIdentifier"]): cluster for cluster in answer.items}
    return clusters, "DescribeDBClusters doesn't name the cluster; was it just made?"


@dataclass(frozen=True, slots=True)
class _Server:
    """One instance, and its place."""

    instance: Item
    answer: Answer
    cluster: Item | None

    @property
    def identifier(self) -> str:
        return str(self.instance["DBInstanceIdentifier"])

    @property
    def name(self) -> str:
        """The cluster's, for its writer."""
        if self.cluster is not None and self.identifier in _writers(self.cluster):
            return str(self.cluster["DBClusterIdentifier"])
        return self.identifier

    @property
    def primary(self) -> tuple[str, str] | None:
        """What it replicates, a name or an ARN, and the key that says so."""
        if self.cluster is not None and self.name == self.identifier and _writers(self.cluster):
            return str(self.cluster["DBClusterIdentifier"]), "DBClusterIdentifier"
        facts = self.instance if self.cluster is None else self.cluster
        return next(((str(facts[key]), key) for key in _PRIMARY_KEYS if facts.get(key)), None)

    def origin(self, key: str) -> str:
        return self.answer.origin(f"{self.identifier}.{key}")


def _writers(cluster: Item) -> list[str]:
    members = cluster.get("DBClusterMembers", ())
    return [str(each["DBInstanceIdentifier"]) for each in members if each.get("IsClusterWriter")]


def _server(server: _Server, groups: "_ParameterGroups") -> Iterator[Reading]:
    path = ("databases", server.name)
    engine = str(server.instance["Engine"])
    provider = "aurora" if engine.startswith("aurora") else "rds"
    yield Reading((*path, "provider"), provider, server.origin("Engine"))
    if server.primary is not None:
        found, key = server.primary
        yield Reading((*path, "replica_of"), _primary(found, groups.rds.region), server.origin(key))
    try:
        parameters = groups.of(server)
    except DeniedError as error:
        yield Reading((*path, "max_connections"), Unknown(error.why), server.origin("DBParameterGroups"))
        return
    yield from _max_connections(server, parameters.get("max_connections"))
    for key in _SETTINGS:
        if key in parameters:
            yield Reading((*path, key), parameters[key].number(), parameters[key].origin)
    yield from _vendor_reserve(path, [parameters[key] for key in _VENDOR_SETTINGS if key in parameters])


def _primary(found: str, region: str) -> str | Unknown:
    """The name of a primary, which AWS may give as arn:aws:rds:<region>:<account>:db:<name>."""
    if found.startswith("arn:") and found.split(":")[3] != region:
        return Unknown(f"it replicates {found.rpartition(':')[2]} of another region, {found.split(':')[3]}")
    return found.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of a group.

    Attributes:
        value: a number, or a formula.
        origin: where it was read.
        pending: the group whose changes wait for a reboot; empty if they don't.
    """

    value: str
    origin: str
    pending: str = ""

    @property
    def is_default(self) -> bool:
        """Whether it is the formula of the default parameter groups."""
        return "".join(self.value.split()).lower() == _DEFAULT_FORMULA.lower()

    def number(self) -> int | Unknown:
        """The number that the server runs with."""
        if self.pending:
            return Unknown(
                f"parameter group {self.pending} waits for a reboot; till then another may be in force"
            )
        if re.fullmatch("[0-9]{1,9}", self.value):
            return int(self.value)
        return Unknown(f"the parameter group has the formula {self.value}, which RDS works out")


def _max_connections(server: _Server, said: _Parameter | None) -> Iterator[Reading]:
    """The number; where it is RDS's own formula, what a bound can be derived from."""
    path = ("databases", server.name)
    if said is not None and (said.pending or not said.is_default):
        yield Reading((*path, "max_connections"), said.number(), said.origin)
        return
    instance_class = str(server.instance["DBInstanceClass"])
    yield Reading((*path, "instance_class"), instance_class, server.origin("DBInstanceClass"))
    scaling = (server.cluster or {}).get("ServerlessV2ScalingConfiguration", {})
    if instance_class == _SERVERLESS and "MaxCapacity" in scaling:
        origin = server.origin("ServerlessV2ScalingConfiguration.MaxCapacity")
        yield Reading((*path, "memory_gib"), float(scaling["MaxCapacity"]) * _GIB_PER_ACU, origin)


def _vendor_reserve(path: tuple[str, str], said: list[_Parameter]) -> Iterator[Reading]:
    """All of RDS's own reserves together; nothing where no group states one."""
    if not said:
        return
    numbers = [parameter.number() for parameter in said]
    unknown = next((number for number in numbers if isinstance(number, Unknown)), None)
    total = unknown or sum(number for number in numbers if isinstance(number, int))
    origin = " + ".join(parameter.origin for parameter in said)
    yield Reading((*path, "vendor_reserved_connections"), total, origin)


@dataclass(frozen=True, slots=True)
class _ParameterGroups:
    """Parameter groups, each of which is asked for once."""

    rds: Api
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def of(self, server: _Server) -> Mapping[str, _Parameter]:
        """The parameters that count for a server; those without a value are the engine's own, and left out.

        What somebody set counts before a default, and the instance's group before its cluster's.

        Raises:
            DeniedError: the credentials may not ask.
        """
        defaults: dict[str, _Parameter] = {}
        changed: dict[str, _Parameter] = {}
        version = _version(server.instance.get("EngineVersion"))
        for scope, group, status in _groups(server):
            answer = self._ask(scope, group)
            pending = "" if status == "in-sync" else group
            for item in answer.items:
                if "ParameterValue" in item and _version(item.get("MinimumEngineVersion")) <= version:
                    name = str(item["ParameterName"])
                    found = _Parameter(str(item["ParameterValue"]), answer.origin(f"{group}.{name}"), pending)
                    (changed if item.get("Source") == "user" else defaults)[name] = found
        return {**defaults, **changed}

    def _ask(self, scope: str, group: str) -> Answer:
        if (scope, group) not in self.answers:
            name = {f"{scope}ParameterGroupName": group}
            self.answers[scope, group] = self.rds.ask(f"Describe{scope}Parameters", "Parameters", **name)
        return self.answers[scope, group]


def _groups(server: _Server) -> Iterator[tuple[str, str, str]]:
    """Kind, name and status of the groups of a server; the one that counts comes last."""
    if server.cluster is not None and server.cluster.get("DBClusterParameterGroup"):
        members = server.cluster.get("DBClusterMembers", ())
        mine: Item = next((each for each in members if each["DBInstanceIdentifier"] == server.identifier), {})
        status = str(mine.get("DBClusterParameterGroupStatus", "in-sync"))
        yield "DBCluster", str(server.cluster["DBClusterParameterGroup"]), status
    for group in server.instance.get("DBParameterGroups", ()):
        yield "DB", str(group["DBParameterGroupName"]), str(group.get("ParameterApplyStatus", "in-sync"))


def _version(text: object) -> tuple[int, ...]:
    """14.10 and 16.4-R2 as numbers, so that they can be compared; nothing is before everything."""
    return tuple(int(number) for number in re.findall("[0-9]+", str(text or "")))


def _proxies(rds: Api) -> Iterator[Reading]:
    answer = rds.ask("DescribeDBProxies", "DBProxies")
    for proxy in answer.items:
        if proxy.get("EngineFamily") == "POSTGRESQL":
            yield from _proxy(rds, str(proxy["DBProxyName"]), answer)


def _proxy(rds: Api, proxy: str, answer: Answer) -> Iterator[Reading]:
    """A proxy; before a cluster's readers, it has a pool for each of them, named <proxy>-<reader>."""
    kind = answer.origin(f"{proxy}.EngineFamily")
    targets = _ask_proxy(rds, "DescribeDBProxyTargets", "Targets", proxy)
    percent = _percent(_ask_proxy(rds, "DescribeDBProxyTargetGroups", "TargetGroups", proxy), proxy, kind)
    servers = {proxy: _behind(targets)}
    if isinstance(targets, Answer):
        servers |= _readers(rds, proxy, targets)
    where = targets.origin(f"{proxy}.RdsResourceId") if isinstance(targets, Answer) else kind
    for name, server in servers.items():
        yield Reading(("poolers", name, "kind"), "rds-proxy", kind)
        yield Reading(("poolers", name, "database"), server, where)
        yield Reading(("poolers", name, "max_connections_percent"), *percent)


def _ask_proxy(rds: Api, operation: str, key: str, proxy: str) -> Answer | Unknown:
    try:
        return rds.ask(operation, key, DBProxyName=proxy)
    except DeniedError as error:
        return Unknown(error.why)


def _percent(groups: Answer | Unknown, proxy: str, kind: str) -> tuple[int | Unknown, str]:
    """Its share of max_connections, for each of its targets, and where that stands."""
    if isinstance(groups, Unknown):
        return groups, kind
    found: Item = next((group.get("ConnectionPoolConfig", {}) for group in groups.items), {})
    return int(found.get("MaxConnectionsPercent", 100)), groups.origin(f"{proxy}.MaxConnectionsPercent")


def _behind(targets: Answer | Unknown) -> str | Unknown:
    """The name of the one instance or cluster that a proxy can have."""
    if isinstance(targets, Unknown):
        return targets
    names = {str(target.get("TrackedClusterId") or target["RdsResourceId"]) for target in targets.items}
    return names.pop() if len(names) == 1 else Unknown(f"the proxy has {len(names)} targets")


def _readers(rds: Api, proxy: str, targets: Answer) -> dict[str, str | Unknown]:
    """The readers that a read-only endpoint of the proxy leads to."""
    readers = [str(each["RdsResourceId"]) for each in targets.items if each.get("Role") == "READ_ONLY"]
    if not readers:
        return {}
    endpoints = _ask_proxy(rds, "DescribeDBProxyEndpoints", "DBProxyEndpoints", proxy)
    if isinstance(endpoints, Unknown):
        return {f"{proxy}-{reader}": endpoints for reader in readers}
    if not any(endpoint.get("TargetRole") == "READ_ONLY" for endpoint in endpoints.items):
        return {}
    return {f"{proxy}-{reader}": reader for reader in readers}
