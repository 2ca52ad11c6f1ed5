"""A source found a pool that nobody declared: another pool of a service, or a service that nobody runs.

It is counted, as far as its size and the number of its tasks are known. A service that a source has with its
tasks (a Terraform plan, ECS, Kubernetes, compose) is part of the fleet, and no finding.

If you leave it: the file isn't the fleet, and a check without the sources counts too few connections.

To mend it: add it to the file: `[services.<name>]`, or `[services.<name>.pools.<pool>]`; keys that a source
reads may be left out. A service that connects to no database of the file says `pool_size = 0`.
"""

from collections.abc import Iterator

from kc_db.budget.model import UNSAID_TASKS, Fleet, Pool, Service
from kc_db.findings import Problem, Severity

severity = Severity.WARNING


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each service that has pools which the file doesn't have."""
    for service in fleet.services:
        found = [pool for pool in service.pools if not pool.is_declared]
        if found and (service.is_declared or UNSAID_TASKS in service.unknown):
            yield Problem(
                where=fleet.named_service(service),
                message=f"the budget doesn't have {_what(service, found)}; found in {_where(service, found)}",
                remedy=tuple(_table(pool) for pool in found),
                file=fleet.file,
                line=fleet.line_of((service.kind, service.name)),
            )


def _what(service: Service, found: list[Pool]) -> str:
    if not service.is_declared:
        return "this service"
    named = ", ".join(f"{pool.name} ({pool.unknown or pool.size})" for pool in found)
    return f"its {'pool' if len(found) == 1 else 'pools'} {named}"


def _where(service: Service, found: list[Pool]) -> str:
    keys = ("pool_size", "driver", *(f"pools.{pool.name}.pool_size" for pool in found))
    places = dict.fromkeys(service.origins[key] for key in keys if key in service.origins)
    return "; ".join(places) or "a source, which can't tell its size"


def _table(pool: Pool) -> str:
    return f"[{'.'.join(pool.path)}]"
