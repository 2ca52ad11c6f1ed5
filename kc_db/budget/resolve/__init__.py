"""From the tables of a budget file to the fleet of one environment: inheritance, defaults, references."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from kc_db.budget.load_budget import Budget
from kc_db.budget.model import Fleet, Kind, ScenarioName
from kc_db.budget.resolve.layers import Path, Read, Scope
from kc_db.budget.resolve.overrides import Override, expand
from kc_db.budget.resolve.poolers import resolve_poolers
from kc_db.budget.resolve.servers import resolve_server
from kc_db.budget.resolve.services import resolve_services
from kc_db.toml.complaints import Complaints, suggest

_KINDS: tuple[Kind, ...] = ("services", "workers")


def resolve(
    budget: Budget,
    environments: Iterable[str | None],
    *,
    live_database: str | None = None,
    overrides: Sequence[Override] = (),
    read: Mapping[str | None, Read] | None = None,
) -> tuple[Fleet, ...]:
    """The fleet of each environment.

    Args:
        budget: the file.
        environments: environments of the file; None for a file that has none.
        live_database: the server whose limits will be read later; max_connections may be missing.
        overrides: what --set says.
        read: what the sources of each environment say.

    Raises:
        InputError: a reference leads nowhere, or a value is missing; all such mistakes are told at once.
    """
    complaints = Complaints(budget.file, budget.text)
    fleets = []
    for name in environments:
        plain = Scope(budget, name, complaints, live_database, (read or {}).get(name, Read()))
        fleets.append(_fleet(expand(plain, overrides)))
    complaints.raise_any()
    return tuple(fleets)


def _fleet(scope: Scope) -> Fleet:
    _check_names(scope)
    policy = scope.layers(lambda table: table.policy, "policy")
    headroom_percent = policy.get("headroom_percent", 0)
    deploys_at_once = policy.get("deploys_at_once", "all")
    judged: dict[ScenarioName, bool] = {}
    for layer in reversed(list(policy.saying("judged"))):
        judged |= getattr(layer.table, "judged", {})
        if not judged.get("steady", True):
            scope.complain(
                (*layer.path, "judged", "steady"), "must be true: what is there every day has to fit"
            )
    services = resolve_services(scope)
    return Fleet(
        environment=scope.environment,
        servers=tuple(resolve_server(scope, name, headroom_percent) for name in scope.names("databases")),
        services=services,
        poolers=resolve_poolers(scope, services),
        deploys_at_once=None if deploys_at_once == "all" else deploys_at_once,
        judged=judged,
        wait_percent=policy.get("wait_percent", 5.0),
        file=scope.budget.file,
        line_of=_line_finder(scope.budget, scope.environment),
    )


def _check_names(scope: Scope) -> None:
    for kind in ("databases", "services"):
        if not scope.names(kind) and not (kind == "services" and scope.names("workers")):
            scope.complain((), f"no {kind}; the file needs at least one [{kind}.<name>]")
    taken = dict.fromkeys(scope.file.services, "service")
    for name in scope.file.workers:
        if name in taken:
            scope.complain(("workers", name), "there is a service of this name too", is_about_key=True)
    for name in scope.file.poolers:
        if name in scope.file.databases:
            scope.complain(("poolers", name), "there is a database of this name too", is_about_key=True)
    if scope.environment is not None:
        _check_overridden(scope, scope.environment)


def _check_overridden(scope: Scope, environment: str) -> None:
    inherited = scope.file.environments[environment]
    for kind in ("databases", "poolers", *_KINDS):
        known = scope.names(kind)
        for name in getattr(inherited, kind):
            if name not in known:
                # A new name here would be a typo's hiding place.
                message = (
                    f"an environment can only override, and there is no [{kind}.{name}]{suggest(name, known)}"
                )
                scope.complain(("environments", environment, kind, name), message, is_about_key=True)


def _line_finder(budget: Budget, environment: str | None) -> Callable[[Path], int | None]:
    def line_of(path: Path) -> int | None:
        from kc_db.toml.locate import nearest

        candidates = [("environments", environment, *path)] if environment is not None else []
        exact = next((place for known in candidates if (place := budget.places.get(known))), None)
        place = exact or nearest(budget.places, path)
        return place.key.line if place else None

    return line_of
