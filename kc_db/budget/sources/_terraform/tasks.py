"""The task definition of an ECS service, and its containers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._containers import Container, pool_readings
from kc_db.budget.sources._terraform.plan import Plan, Resource, list_of, tree_of
from kc_db.budget.sources._terraform.references import referred
from kc_db.errors import InputError

_DEFINITION = "aws_ecs_task_definition"


def task_readings(plan: Plan, service: Resource, name: str, source: SourceTable) -> Iterator[Reading]:
    """What the containers of a service say about its pools.

    Raises:
        InputError: container_definitions isn't what the plan should hold.
    """
    definition = _definition_of(plan, service)
    pool_size = ("services", name, "pool_size")
    if isinstance(definition, Unknown):
        yield Reading(pool_size, definition, service.node.origin("task_definition"))
        return
    node = definition.node
    text = node.text("container_definitions")
    if not isinstance(text, str):
        why = text or Unknown(f"{definition.address} has no container_definitions")
        yield Reading(pool_size, why, node.origin("container_definitions"))
        return
    containers = list(_containers(definition, text))
    if not containers:
        why = Unknown(f"{definition.address} has no containers")
        yield Reading(pool_size, why, node.origin("container_definitions"))
    yield from pool_readings(name, containers, source)


def _definition_of(plan: Plan, service: Resource) -> Resource | Unknown:
    text = service.node.text("task_definition")
    if text is None:
        return Unknown(f"{service.address} names no task definition")
    if isinstance(text, str):
        return _named(plan, text)
    found = referred(plan, service, "task_definition", _DEFINITION) or _only_one_in_module(plan, service)
    return found[0] if len(found) == 1 else text


def _named(plan: Plan, text: str) -> Resource | Unknown:
    """By an ARN, `family:revision`, or `family`; a revision that the plan doesn't have is another text."""
    family, _, revision = text.rsplit("/", 1)[-1].partition(":")
    found = [each for each in plan.of_type(_DEFINITION) if each.node.text("family") == family]
    if len(found) > 1:
        found = [each for each in found if each.node.text("arn") == text]
    if len(found) != 1:
        return Unknown(f"the task definition {family} isn't in the plan")
    if revision and str(found[0].node.values.get("revision")) != revision:
        return Unknown(f"it runs revision {revision} of {family}, which isn't the one in the plan")
    return found[0]


def _only_one_in_module(plan: Plan, service: Resource) -> list[Resource]:
    """The task definition beside a service that refers to it through a local, which plans don't show.

    That is how https://github.com/terraform-aws-modules/terraform-aws-ecs does it.
    """
    beside = [each for each in plan.resources if each.module == service.module and service.module]
    services = [each for each in beside if each.type == service.type]
    definitions = [each for each in beside if each.type == _DEFINITION]
    later = [each for each in definitions if isinstance(each.node.text("arn"), Unknown)]
    return later if len(services) == len(definitions) == 1 else []


def _containers(definition: Resource, text: str) -> Iterator[Container]:
    file, where = definition.node.file, f"container_definitions of {definition.address}"
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON; correct it and plan again", file=file) from error
    for entry in list_of(parsed, file):
        fields = _lower(tree_of(entry, file, f"an entry of {where}"))
        name = str(fields.get("name") or "")
        variables: dict[str, str | Unknown] = {
            variable["name"]: variable.get("value", "") for variable in _pairs(fields, "environment", file)
        }
        variables.update(
            (secret["name"], Unknown("comes from a secret")) for secret in _pairs(fields, "secrets", file)
        )
        files = list_of(fields.get("environmentfiles"), file)
        hidden = f"environmentFiles of container {name} may say its pool size" if files else ""
        words = [str(word) for key in ("entrypoint", "command") for word in list_of(fields.get(key), file)]
        origin = definition.node.origin(f"container_definitions[{name}]")
        yield Container(name, variables, origin, hidden, tuple(words))


def _pairs(fields: Mapping[str, Any], key: str, file: str) -> Iterator[dict[str, str]]:
    for entry in list_of(fields.get(key), file):
        pair = _lower(tree_of(entry, file, f"an entry of {key} in container_definitions"))
        if isinstance(pair.get("name"), str):
            yield {each: str(value) for each, value in pair.items() if value is not None}


def _lower(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in lower case: the provider takes any case, as Go's JSON does."""
    return {key.lower(): value for key, value in fields.items()}
