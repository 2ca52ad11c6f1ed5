"""RDS and Aurora for PostgreSQL: what a server grants, and what replicates what.

Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/db_instance (rds_cluster,
rds_cluster_instance).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._terraform.parameters import Group, group_of, limit_readings, says_max_connections
from kc_db.budget.sources._terraform.plan import Plan, Resource, names_of
from kc_db.budget.sources._terraform.references import is_configured, referred

_INSTANCE, _CLUSTER, _MEMBER = "aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance"
_SERVERLESS = "db.serverless"
# A Multi-AZ DB cluster is one writer and two readers.
_READERS = 2


def database_names(plan: Plan) -> dict[str, str]:
    """What the instances and clusters are called in readings, by address."""
    return {
        **names_of(plan.of_type(_INSTANCE), "identifier"),
        **names_of(plan.of_type(_CLUSTER), "cluster_identifier"),
    }


def database_readings(plan: Plan) -> Iterator[Reading]:
    """Everything about the PostgreSQL servers of a plan. Other engines don't matter."""
    names = database_names(plan)
    for instance in plan.of_type(_INSTANCE):
        yield from _instance(plan, instance, names)
    for cluster in _clusters(plan, names):
        yield from _cluster_readings(plan, cluster)


def _instance(plan: Plan, instance: Resource, names: dict[str, str]) -> Iterator[Reading]:
    path, node = ("databases", names[instance.address]), instance.node
    group = _group(plan, instance)
    engine = _engine(plan, instance, group)
    if isinstance(engine, Unknown):
        yield Reading((*path, "max_connections"), engine, node.origin("engine"))
    if engine != "postgres":
        return
    yield Reading((*path, "provider"), "rds", node.origin("engine"))
    if (replica_of := _replica_of(plan, instance, names)) is not None:
        yield Reading((*path, "replica_of"), replica_of, node.origin("replicate_source_db"))
    yield from _size(path, instance, "instance_class", [group])


def _group(plan: Plan, instance: Resource) -> Group:
    """A new replica in the region of its source has the group of that, if it names none.

    Source: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html
    """
    owner = instance
    if not instance.node.values.get("parameter_group_name") and not is_configured(
        plan, instance, "parameter_group_name"
    ):
        text = instance.node.text("replicate_source_db")
        is_far = isinstance(text, str) and text.startswith("arn:")
        owner = (None if is_far else _source(plan, instance)) or instance
    return group_of(plan, owner, "parameter_group_name", "aws_db_parameter_group")


def _engine(plan: Plan, instance: Resource, group: Group) -> str | Unknown:
    """A replica's engine is known only after apply: its source's, or that of its parameter group."""
    seen: list[Resource] = []
    current: Resource | None = instance
    while current and current not in seen:
        seen.append(current)
        engine = current.node.text("engine")
        if isinstance(engine, str):
            return engine
        current = _source(plan, current)
    if group.family:
        return "postgres" if group.family.startswith("postgres") else group.family
    return Unknown(f"engine of {instance.address} is known only after apply")


def _source(plan: Plan, instance: Resource) -> Resource | None:
    """What an instance replicates, if it is in the plan."""
    text = instance.node.text("replicate_source_db")
    if isinstance(text, Unknown):
        found = referred(plan, instance, "replicate_source_db", _INSTANCE)
    else:
        others = [each for each in plan.of_type(_INSTANCE) if each != instance]
        found = [each for each in others if text and each.node.text("identifier") == text.rsplit(":", 1)[-1]]
    return found[0] if len(found) == 1 else None


def _replica_of(plan: Plan, instance: Resource, names: dict[str, str]) -> str | Unknown | None:
    text = instance.node.text("replicate_source_db")
    if isinstance(text, Unknown) or text:
        source = _source(plan, instance)
        if source:
            return names[source.address]
        return text if isinstance(text, Unknown) else text.rsplit(":", 1)[-1]
    return None


def _size(
    path: tuple[str, ...], resource: Resource, attribute: str, groups: Sequence[Group]
) -> Iterator[Reading]:
    """The instance's class, and what parameter groups say; the class is a bound where they say nothing."""
    node = resource.node
    size = node.text(attribute) or Unknown(f"{resource.address} has no {attribute}")
    yield Reading((*path, "instance_class"), size, node.origin(attribute))
    if size == _SERVERLESS and not says_max_connections(groups):
        why = Unknown(f"{resource.address} is serverless: its memory, and with it max_connections, changes")
        yield Reading((*path, "max_connections"), why, node.origin(attribute))
    yield from limit_readings(path, groups)


@dataclass(slots=True)
class _Cluster:
    """A cluster of the plan, or one elsewhere, with its instances."""

    name: str
    resource: Resource | None
    members: list[Resource] = field(default_factory=list)


def _clusters(plan: Plan, names: dict[str, str]) -> list[_Cluster]:
    clusters = {each.address: _Cluster(names[each.address], each) for each in plan.of_type(_CLUSTER)}
    member_names = names_of(plan.of_type(_MEMBER), "identifier")
    for member in plan.of_type(_MEMBER):
        text = member.node.text("cluster_identifier")
        if isinstance(text, str):
            found = [each for each in plan.of_type(_CLUSTER) if each.node.text("cluster_identifier") == text]
        else:
            found = referred(plan, member, "cluster_identifier", _CLUSTER)
        if len(found) == 1:
            key = name = found[0].address
        else:
            key = name = text if isinstance(text, str) else member_names[member.address]
        clusters.setdefault(key, _Cluster(name, None)).members.append(member)
    return list(clusters.values())


def _cluster_readings(plan: Plan, cluster: _Cluster) -> Iterator[Reading]:
    path = ("databases", cluster.name)
    members = sorted(cluster.members, key=_rank)
    said = cluster.resource or members[0]
    engine = said.node.text("engine") or Unknown(f"{said.address} has no engine")
    if isinstance(engine, Unknown):
        yield Reading((*path, "max_connections"), engine, said.node.origin("engine"))
    if engine not in {"aurora-postgresql", "postgres"}:
        return
    shared = _cluster_groups(plan, cluster)
    yield Reading(
        (*path, "provider"), "aurora" if engine != "postgres" else "rds", said.node.origin("engine")
    )
    if members:
        yield from _member_readings(plan, cluster.name, members, shared)
    elif cluster.resource and cluster.resource.node.text("db_cluster_instance_class"):
        yield from _multi_az(cluster.name, cluster.resource, shared)
    elif says_max_connections(shared):
        yield from limit_readings(path, shared)
    else:
        why = Unknown(f"no instance of {said.address} is in the plan")
        yield Reading((*path, "max_connections"), why, said.node.origin("cluster_identifier"))
        yield from limit_readings(path, shared)


def _member_readings(
    plan: Plan, name: str, members: Sequence[Resource], shared: Sequence[Group]
) -> Iterator[Reading]:
    """The writer under the cluster's name, readers under their own."""
    for place, member in enumerate(members):
        identifier = member.node.text("identifier")
        own = identifier if isinstance(identifier, str) and identifier != name else f"{name}-reader-{place}"
        path = ("databases", own if place else name)
        if place:
            provider = "rds" if member.node.text("engine") == "postgres" else "aurora"
            yield Reading((*path, "provider"), provider, member.node.origin("engine"))
            yield Reading((*path, "replica_of"), name, member.node.origin("cluster_identifier"))
        group = group_of(plan, member, "db_parameter_group_name", "aws_db_parameter_group")
        yield from _size(path, member, "instance_class", [group, *shared])


def _multi_az(name: str, cluster: Resource, shared: Sequence[Group]) -> Iterator[Reading]:
    yield from _size(("databases", name), cluster, "db_cluster_instance_class", shared)
    for place in range(1, _READERS + 1):
        path = ("databases", f"{name}-reader-{place}")
        yield Reading((*path, "provider"), "rds", cluster.node.origin("engine"))
        yield Reading((*path, "replica_of"), name, cluster.node.origin("engine"))
        yield from _size(path, cluster, "db_cluster_instance_class", shared)


def _cluster_groups(plan: Plan, cluster: _Cluster) -> list[Group]:
    if cluster.resource is None:
        return []
    kind = "aws_rds_cluster_parameter_group"
    return [group_of(plan, cluster.resource, "db_cluster_parameter_group_name", kind)]


def _rank(member: Resource) -> tuple[bool, int]:
    """The writer first: as the plan knows it, else by promotion_tier, else as written."""
    tier = member.node.number("promotion_tier")
    return (not member.node.flag("writer"), tier if isinstance(tier, int) else 0)
