"""ECS services: how many tasks, and how a deploy replaces them.

Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecs_service
"""

from collections.abc import Iterator

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._terraform.plan import Plan, Resource, names_of
from kc_db.budget.sources._terraform.scaling import Amount, Bounds, bounds_by_service, instance_readings
from kc_db.budget.sources._terraform.tasks import task_readings

_STRATEGIES = {"ROLLING": "rolling", "BLUE_GREEN": "blue-green", "LINEAR": "linear", "CANARY": "canary"}
# The provider's default of deployment_maximum_percent.
_MAXIMUM_PERCENT = 200


def service_readings(plan: Plan, source: SourceTable) -> Iterator[Reading]:
    """Everything about the services of a plan, and the bounds of services that are elsewhere."""
    services = plan.of_type("aws_ecs_service")
    names = names_of(services, "name")
    inside, outside = bounds_by_service(plan)
    for service in services:
        name = names[service.address]
        yield from _instances(service, name, inside.get(service.address, Bounds()))
        yield from _deploy(service, name)
        yield from task_readings(plan, service, name, source)
    for name, bounds in outside.items():
        if name not in names.values():
            yield from instance_readings(name, None, bounds)


def _instances(service: Resource, name: str, bounds: Bounds) -> Iterator[Reading]:
    node = service.node
    controller = _controller(service)
    if node.text("scheduling_strategy") == "DAEMON":
        why = Unknown(f"{service.address} runs one task on each container instance (DAEMON)")
        yield Reading(("services", name, "instances", "max"), why, node.origin("scheduling_strategy"))
    elif controller == "EXTERNAL":
        why = Unknown(f"task sets outside the plan scale {service.address} (EXTERNAL)")
        yield Reading(("services", name, "instances", "max"), why, node.origin("deployment_controller"))
    else:
        desired = node.number("desired_count")  # 0 where the configuration doesn't say
        yield from instance_readings(
            name, Amount(desired or 0 if desired is None else desired, node.origin("desired_count")), bounds
        )


def _deploy(service: Resource, name: str) -> Iterator[Reading]:
    """How a deploy replaces tasks: the controller says it, and ECS's own controller by its strategy."""
    path, node = ("services", name), service.node
    controller = _controller(service)
    if controller == "CODE_DEPLOY":
        yield Reading((*path, "deploy"), "blue-green", node.origin("deployment_controller"))
        return
    if controller != "ECS":
        why = controller if isinstance(controller, Unknown) else _not_known(service, controller)
        yield Reading((*path, "deploy"), why, node.origin("deployment_controller"))
        return
    configuration = node.block("deployment_configuration")
    strategy = configuration.text("strategy") if configuration else None
    if isinstance(strategy, Unknown) and configuration and configuration.unknown is True:
        strategy = None  # the block is the provider's to compute, where the configuration has none
    deploy = strategy if isinstance(strategy, Unknown) else _STRATEGIES.get(strategy or "ROLLING")
    yield Reading(
        (*path, "deploy"), deploy or _not_known(service, strategy), node.origin("deployment_configuration")
    )
    if deploy == "rolling":
        percent = node.number("deployment_maximum_percent", least=100)
        yield Reading(
            (*path, "maximum_percent"),
            _MAXIMUM_PERCENT if percent is None else percent,
            node.origin("deployment_maximum_percent"),
        )


def _controller(service: Resource) -> str | Unknown:
    block = service.node.block("deployment_controller")
    return (block.text("type") if block else None) or "ECS"


def _not_known(service: Resource, said: object) -> Unknown:
    return Unknown(f"how a deploy of {service.address} replaces tasks can't be told from {said}")
