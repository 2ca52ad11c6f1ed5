"""Autoscaling of ECS services: which bounds are whose, and what they make of desired_count."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._terraform.plan import Node, Plan, Resource
from kc_db.budget.sources._terraform.references import referred

_TARGET, _SCHEDULED = "aws_appautoscaling_target", "aws_appautoscaling_scheduled_action"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of tasks, and where it stands."""

    value: int | Unknown
    origin: str


@dataclass(slots=True)
class Bounds:
    """What autoscaling says of one service.

    Attributes:
        floors: min_capacity of its targets, which hold whenever no scheduled action says otherwise.
        lows: every min_capacity.
        highs: every max_capacity.
        doubts: why max_capacity can't be told: targets that may be its own or another's, or aren't there.
        has_target: whether a target is there; scheduled actions can't do without.
    """

    floors: list[Amount] = field(default_factory=list)
    lows: list[Amount] = field(default_factory=list)
    highs: list[Amount] = field(default_factory=list)
    doubts: list[Amount] = field(default_factory=list)
    has_target: bool = False


def bounds_by_service(plan: Plan) -> tuple[dict[str, Bounds], dict[str, Bounds]]:
    """The bounds by the address of the service, and by the name of those that the plan doesn't have."""
    services = plan.of_type("aws_ecs_service")
    inside: dict[str, Bounds] = {}
    outside: dict[str, Bounds] = {}
    for scaler in plan.of_type(_TARGET, _SCHEDULED):
        if not _is_ecs(scaler):
            continue
        found = _services_of(plan, scaler, services)
        if isinstance(found, str):
            _add(outside.setdefault(found, Bounds()), scaler)
        elif len(found) == 1:
            _add(inside.setdefault(found[0].address, Bounds()), scaler)
        else:
            for service in found or services:
                _doubt(inside.setdefault(service.address, Bounds()), scaler)
    for bounds in (*inside.values(), *outside.values()):
        if bounds.highs and not bounds.has_target:
            why = Unknown("the aws_appautoscaling_target of its scheduled actions isn't in the plan")
            bounds.doubts.append(Amount(why, bounds.highs[0].origin))
    return inside, outside


def instance_readings(name: str, desired: Amount | None, bounds: Bounds) -> Iterator[Reading]:
    """How many tasks a service has: fewest, usually, and most; in that order, whatever the plan says.

    Application Auto Scaling moves a service that is outside its bounds into them, so the usual number is at
    least min_capacity. A scheduled action counts as if it held all the time.
    """
    path = ("services", name, "instances")
    low = _unknown(bounds.lows) or min(bounds.lows, key=_size, default=None)
    if low:
        yield Reading((*path, "min"), low.value, low.origin)
    floor = max(_known(bounds.floors) or _known(bounds.lows), key=_size, default=None)
    usual = desired
    if desired and floor and isinstance(desired.value, int):
        usual = max(desired, floor, key=_size)
    if usual:
        yield Reading((*path, "desired"), usual.value, usual.origin)
    most = _most(usual, bounds)
    if most:
        yield Reading((*path, "max"), most.value, most.origin)


def _most(usual: Amount | None, bounds: Bounds) -> Amount | None:
    unknown = _unknown([*bounds.highs, *bounds.doubts])
    if unknown or not bounds.highs:
        return unknown or usual
    # A desired_count of which nothing is known is brought down to max_capacity.
    return max([*bounds.highs, *_known(bounds.lows), *_known([usual] if usual else [])], key=_size)


def _services_of(plan: Plan, scaler: Resource, services: Sequence[Resource]) -> list[Resource] | str:
    """The services that a scaler may scale, or the name of one that the plan doesn't have."""
    text = scaler.node.text("resource_id")
    if isinstance(text, str):
        _, cluster, name = ("", "", *text.split("/"))[-3:]
        named = [each for each in services if each.node.text("name") == name]
        here = [each for each in named if _cluster(each) == cluster]
        return (here if len(named) > 1 and here else named) or name
    found = referred(plan, scaler, "resource_id", "aws_ecs_service", _TARGET)
    targets = [each for each in found if each.type == _TARGET]
    if len(targets) == 1 and scaler.type != _TARGET:
        return _services_of(plan, targets[0], services)
    return [each for each in found if each.type == "aws_ecs_service"]


def _cluster(service: Resource) -> str | None:
    text = service.node.text("cluster")
    return text.rsplit("/", 1)[-1] if isinstance(text, str) else None


def _is_ecs(scaler: Resource) -> bool:
    namespace, target = scaler.node.text("service_namespace"), scaler.node.text("resource_id")
    if isinstance(namespace, str):
        return namespace == "ecs"
    return not isinstance(target, str) or target.startswith("service/")


def _add(bounds: Bounds, scaler: Resource) -> None:
    scheduled = scaler.type == _SCHEDULED
    bounds.has_target |= not scheduled
    node = scaler.node.block("scalable_target_action") if scheduled else scaler.node
    if node is None:
        return
    low, high = _amount(node, "min_capacity"), _amount(node, "max_capacity")
    if low:
        bounds.lows.append(low)
        if not scheduled:
            bounds.floors.append(low)
    if high:
        bounds.highs.append(high)
    elif not scheduled:
        missing = Unknown(f"{scaler.address} says no max_capacity")
        bounds.highs.append(Amount(missing, node.origin("max_capacity")))


def _doubt(bounds: Bounds, scaler: Resource) -> None:
    why = f"{scaler.address} may scale it, and resource_id of that can't be told before apply"
    bounds.doubts.append(Amount(Unknown(why), scaler.node.origin("resource_id")))


def _amount(node: Node, attribute: str) -> Amount | None:
    value = node.number(attribute)
    return None if value is None else Amount(value, node.origin(attribute))


def _unknown(amounts: Sequence[Amount]) -> Amount | None:
    return next((each for each in amounts if isinstance(each.value, Unknown)), None)


def _known(amounts: Sequence[Amount]) -> list[Amount]:
    return [each for each in amounts if not isinstance(each.value, Unknown)]


def _size(amount: Amount) -> int:
    return amount.value if isinstance(amount.value, int) else -1
