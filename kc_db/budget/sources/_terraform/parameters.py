"""Connection settings in RDS parameter groups.

A group without max_connections has LEAST({DBInstanceClassMemory/9531392},5000), on RDS and on Aurora:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html and
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._terraform.plan import Plan, Resource
from kc_db.budget.sources._terraform.references import is_configured, referred

_KEYS = {
    "max_connections": "max_connections",
    "superuser_reserved_connections": "superuser_reserved_connections",
    "reserved_connections": "reserved_connections",
    "rds.rds_superuser_reserved_connections": "vendor_reserved_connections",
}
_BY_CLASS = "LEAST({DBInstanceClassMemory/9531392},5000)"
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Group:
    """A parameter group.

    Attributes:
        settings: its connection settings, by their names in a budget file.
        origins: where they stand.
        family: "postgres16", if it is known.
    """

    settings: Mapping[str, str | Unknown]
    origins: Mapping[str, str]
    family: str = ""


_DEFAULT = Group({}, {})


def group_of(plan: Plan, resource: Resource, attribute: str, kind: str) -> Group:
    """The group that an attribute names; a default group has no settings of its own.

    Args:
        plan: where the groups are.
        resource: the instance or cluster.
        attribute: what names the group there.
        kind: the type of the group's resource.
    """
    text = resource.node.text(attribute)
    if text is None or (isinstance(text, Unknown) and not is_configured(plan, resource, attribute)):
        return _DEFAULT
    if isinstance(text, Unknown):
        found = referred(plan, resource, attribute, kind)
        missing = text
    elif text.startswith("default."):
        return Group({}, {}, text.removeprefix("default."))
    else:
        found = [each for each in plan.of_type(kind) if each.node.text("name") == text]
        missing = Unknown(f"the parameter group {text} of {resource.address} isn't in the plan")
    if len(found) == 1:
        return _read(found[0])
    return Group({"max_connections": missing}, {"max_connections": resource.node.origin(attribute)})


def limit_readings(path: tuple[str, ...], groups: Sequence[Group]) -> Iterator[Reading]:
    """The settings of a server; an earlier group counts before a later one."""
    for key in _KEYS.values():
        group = next((each for each in groups if key in each.settings), None)
        if group is None:
            continue
        value = _value(key, group.settings[key])
        if value is not None:
            yield Reading((*path, key), value, group.origins[key])


def says_max_connections(groups: Sequence[Group]) -> bool:
    """Whether a group has max_connections other than by the instance's class."""
    said = next(
        (each.settings["max_connections"] for each in groups if "max_connections" in each.settings), None
    )
    return said is not None and not _is_by_class(said)


def _read(resource: Resource) -> Group:
    settings: dict[str, str | Unknown] = {}
    origins: dict[str, str] = {}
    for parameter in resource.node.blocks("parameter"):
        name, value = parameter.text("name"), parameter.text("value")
        keys = list(_KEYS.values()) if isinstance(name, Unknown) else [_KEYS.get(name or "", "")]
        for key in filter(None, keys):
            settings[key] = value if value is not None else ""
            origins[key] = resource.node.origin(
                f"parameter[{name}]" if isinstance(name, str) else "parameter"
            )
    family = resource.node.text("family")
    return Group(settings, origins, family if isinstance(family, str) else "")


def _value(key: str, text: str | Unknown) -> int | Unknown | None:
    """None if the instance's class decides."""
    if isinstance(text, Unknown):
        return text
    if key == "max_connections" and _is_by_class(text):
        return None
    least = 1 if key == "max_connections" else 0
    if re.fullmatch("[0-9]{1,9}", text) and least <= int(text) <= MAXIMUM_MAX_CONNECTIONS:
        return int(text)
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return Unknown(f"{key} is {shown!r}, which isn't a number of connections")


def _is_by_class(text: str | Unknown) -> bool:
    return isinstance(text, str) and re.sub(r"\s", "", text) == _BY_CLASS
