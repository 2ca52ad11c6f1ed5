"""A plan as `terraform show -json` writes it: its resources, and their values with what they can't be yet.

Source: https://developer.hashicorp.com/terraform/internals/json-format. `planned_values` leaves out what is
known only after apply; `resource_changes[].change.after_unknown` has true there. `count` and `for_each` are
expanded.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.sources import Unknown
from kc_db.errors import InputError

_AGAIN = "write the file again with `terraform show -json PLANFILE`"
Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A resource's values, or those of a block in it.

    Attributes:
        file: the plan's file.
        where: the address and the attributes that lead here: "aws_db_instance.main".
        values: what is known.
        unknown: true where it is known only after apply; True for everything.
    """

    file: str
    where: str
    values: Tree
    unknown: Tree | bool

    def origin(self, attribute: str) -> str:
        """Where an attribute stands, for a Reading."""
        return f"{self.file}: {self.where}.{attribute}"

    def text(self, attribute: str) -> str | Unknown | None:
        """A text; None if the resource has none.

        Raises:
            InputError: it is something else.
        """
        value = self._value(attribute)
        if value is None or isinstance(value, str | Unknown):
            return value or None
        raise self._wrong(attribute, "a text")

    def number(
        self, attribute: str, *, least: int = 0, most: int = MAXIMUM_MAX_CONNECTIONS
    ) -> int | Unknown | None:
        """A whole number that a budget can count; None if the resource has none.

        Some attributes write it as text, so that null isn't 0: aws_appautoscaling_scheduled_action does.

        Raises:
            InputError: it is something else.
        """
        value = self._value(attribute)
        if value is None or isinstance(value, Unknown):
            return value
        if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if least <= value <= most:
                return value
            return Unknown(f"{attribute} of {self.where} isn't between {least} and {most}")
        raise self._wrong(attribute, "a whole number")

    def flag(self, attribute: str) -> bool:
        """Whether an attribute is known to be true."""
        return self.values.get(attribute) is True

    def blocks(self, attribute: str) -> "list[Node]":
        """The blocks of a name; one of which nothing is known, if their number isn't known."""
        values, unknown = self.values.get(attribute), self._unknown_of(attribute)
        if values is None:
            return [Node(self.file, f"{self.where}.{attribute}", {}, True)] if unknown is True else []
        unknowns = unknown if isinstance(unknown, list) else []
        blocks = [
            tree_of(each, self.file, f"{self.where}.{attribute}") for each in list_of(values, self.file)
        ]
        return [
            Node(self.file, f"{self.where}.{attribute}", block, _unknown_at(unknowns, place))
            for place, block in enumerate(blocks)
        ]

    def block(self, attribute: str) -> "Node | None":
        """The only block of a name, or the first."""
        return next(iter(self.blocks(attribute)), None)

    def later(self, attribute: str) -> Unknown:
        """What to say of an attribute that isn't known yet."""
        return Unknown(f"{attribute} of {self.where} is known only after apply")

    def _value(self, attribute: str) -> object:
        value = self.values.get(attribute)
        return self.later(attribute) if value is None and self._unknown_of(attribute) is True else value

    def _unknown_of(self, attribute: str) -> object:
        return self.unknown if isinstance(self.unknown, bool) else self.unknown.get(attribute)

    def _wrong(self, attribute: str, wanted: str) -> InputError:
        return InputError(f"{attribute} of {self.where} is not {wanted}; {_AGAIN}", file=self.file)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that will be there after apply.

    Attributes:
        type: "aws_ecs_service".
        name: its name in its module.
        index: what count or for_each made it for; None without them.
        module: address of its module, "" for the root.
        node: its values.
    """

    type: str
    name: str
    index: str | int | None
    module: str
    node: Node

    @property
    def address(self) -> str:
        """Its address in the whole plan."""
        return self.node.where

    @property
    def plain_name(self) -> str:
        """A name that a budget file can say, where the real one isn't known."""
        parts = [*re.findall(r'module\.([\w-]+)(?:\["?([^]"]*)"?\])?', self.module), (self.name, self.index)]
        texts = [str(each) for part in parts for each in part if each not in {None, ""}]
        return re.sub(r"[^A-Za-z0-9_-]", "-", "-".join(texts))


def names_of(resources: Sequence[Resource], attribute: str) -> dict[str, str]:
    """The names of resources by address; made from it where an attribute doesn't tell them apart."""
    texts = {each.address: each.node.text(attribute) for each in resources}
    counts = Counter(texts.values())
    names = {}
    for each in resources:
        text = texts[each.address]
        names[each.address] = text if isinstance(text, str) and counts[text] == 1 else each.plain_name
    return names


@dataclass(frozen=True, slots=True)
class Plan:
    """The resources of a plan, and the configuration that they come from."""

    file: str
    resources: Sequence[Resource]
    configuration: Tree

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of some types, in the plan's order."""
        return [resource for resource in self.resources if resource.type in types]


def load_plan(file: str) -> Plan:
    """The plan in a file.

    Raises:
        InputError: the file is missing, isn't JSON, or isn't a plan that came to its end.
    """
    document = _document(file)
    unknowns = dict(_unknowns(document, file))
    planned = tree_of(document["planned_values"], file, "planned_values")
    resources = tuple(_resources(tree_of(planned.get("root_module"), file, "root_module"), unknowns, file))
    configuration = tree_of(document.get("configuration"), file, "configuration")
    return Plan(file, resources, tree_of(configuration.get("root_module"), file, "configuration.root_module"))


def tree_of(value: object, file: str, where: str) -> Tree:
    """An object of the plan; an empty one if it isn't there.

    Raises:
        InputError: it is something else.
    """
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise InputError(f"{where} is not an object, as it is in a Terraform plan; {_AGAIN}", file=file)


def list_of(value: object, file: str) -> list[Any]:
    """A list of the plan; an empty one if it isn't there.

    Raises:
        InputError: it is something else.
    """
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise InputError(f"there is no list where a Terraform plan has one; {_AGAIN}", file=file)


def _document(file: str) -> Tree:
    try:
        document = json.loads(Path(file).read_bytes())  # bytes: PowerShell writes UTF-16, and json detects it
        json.dumps(document, ensure_ascii=False).encode()  # no half characters, which nothing could print
    except OSError as error:
        raise InputError(f"the plan can't be read: {error.strerror}", file=file) from error
    except (ValueError, RecursionError) as error:
        advice = "write the plan as JSON with `terraform show -json PLANFILE`"
        raise InputError(f"the file is not JSON; {advice}", file=file) from error
    if not isinstance(document, dict) or "planned_values" not in document:
        kind = (
            "a state" if isinstance(document, dict) and "terraform_version" in document else "something else"
        )
        raise InputError(f"the file holds {kind}, not a Terraform plan; {_AGAIN}", file=file)
    if document.get("errored") is True:
        raise InputError("the plan ended with an error, so it is not whole; plan again", file=file)
    return document


def _unknowns(document: Tree, file: str) -> Iterator[tuple[str, Tree | bool]]:
    for change in list_of(document.get("resource_changes"), file):
        entry = tree_of(change, file, "resource_changes[]")
        address = entry.get("address")
        after = tree_of(entry.get("change"), file, f"the change of {address}").get("after_unknown")
        if isinstance(address, str) and isinstance(after, dict | bool) and "deposed" not in entry:
            yield address, after


def _resources(root: Tree, unknowns: Mapping[str, Tree | bool], file: str) -> Iterator[Resource]:
    """The managed resources of a module and all below it; a loop, because any depth may come."""
    modules = [root]
    while modules:
        module = modules.pop(0)
        for entry in list_of(module.get("resources"), file):
            resource = tree_of(entry, file, "a resource of planned_values")
            if resource.get("mode", "managed") == "managed":
                yield _resource(resource, module.get("address"), unknowns, file)
        modules.extend(
            tree_of(child, file, "child_modules[]") for child in list_of(module.get("child_modules"), file)
        )


def _resource(entry: Tree, module: object, unknowns: Mapping[str, Tree | bool], file: str) -> Resource:
    kind, name, address, index = (entry.get(key) for key in ("type", "name", "address", "index"))
    if not (isinstance(kind, str) and isinstance(name, str) and isinstance(address, str)):
        raise InputError(f"a resource of planned_values has no address, type or name; {_AGAIN}", file=file)
    values = tree_of(entry.get("values"), file, f"values of {address}")
    return Resource(
        type=kind,
        name=name,
        index=index if isinstance(index, str | int) else None,
        module=module if isinstance(module, str) else "",
        node=Node(file, address, values, unknowns.get(address, {})),
    )


def _unknown_at(unknowns: list[Any], place: int) -> Tree | bool:
    found = unknowns[place] if place < len(unknowns) else {}
    return found if isinstance(found, dict | bool) else {}
