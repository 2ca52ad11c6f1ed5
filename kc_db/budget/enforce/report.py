"""What enforce-pool-budget says: findings where limits can't be set, figures, and one line on how it went."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent

from kc_db.budget.activity import certain
from kc_db.budget.enforce.changes import limit_changes
from kc_db.budget.enforce.limits import UNENFORCEABLE, Enforcement, Share
from kc_db.budget.enforce.statements import statement
from kc_db.budget.model import Fleet, Server
from kc_db.budget.typed import typed
from kc_db.errors import InputError
from kc_db.findings import Finding, Problem, Severity

UNPROVEN = "unproven-budget"
_NAMED = 3


def check_names(found: Sequence[Enforcement]) -> None:
    """Every service that connects needs a role.

    Raises:
        InputError: some say none; they are named.
    """
    nameless = {service.name: service for one in found for service in one.nameless}
    if not nameless:
        return
    first = next(iter(nameless.values()))
    fleet = found[0].fleet
    raise InputError(
        f'whose limit is it? No role is said for {", ".join(nameless)}: add role = "...", the PostgreSQL '
        f"role that it logs in as, to [{first.kind}.{first.name}]"
        + (" and the others" if len(nameless) > 1 else ""),
        file=fleet.file,
        line=fleet.line_of((first.kind, first.name)),
    )


def findings(found: Sequence[Enforcement]) -> list[Finding]:
    """What keeps limits from being set; none if they can be."""
    return [finding for one in found for finding in _findings(one)]


def summary(found: Sequence[Enforcement], *, applied: bool, script: Sequence[str]) -> Mapping[str, object]:
    """Every figure, as JSON types; part of the JSON contract, so keys are only ever added."""
    return {
        "applied": applied,
        "statements": list(script),
        "databases": [
            {
                "database": share.server.name,
                "verdict": one.verdict_of(share),
                "limits": share.limits,
                "capacity": share.capacity,
                "usable_connections": share.server.usable_connections,
            }
            for one in found
            for share in one.shares
        ],
        "roles": [_role(one, number) for one in found for number in range(len(one.limits))],
    }


def headline(found: Sequence[Enforcement], count: int, *, applied: bool, looked: bool) -> str:
    """How it went, in one line."""
    if any(one.verdict == "does not fit" for one in found):
        return "nothing is set: the limits don't fit together"
    if any(one.verdict == "unproven" for one in found):
        return "nothing is set: the limits can't be told"
    everyone = sum(len(one.limits) for one in found)
    if not everyone:
        return "no role connects: nothing to set"
    right = f"; {_roles(everyone - count)} had {_its(everyone - count)} already" if count < everyone else ""
    stay = "".join(word for one in found for word in _beyond(one))
    if not count:
        have = "has" if everyone == 1 else "have"
        return f"nothing to do: {_roles(everyone)} {have} the right limit{stay}"
    if applied:
        return (
            f"set the limit of {_roles(count)}{right}; it counts when a session begins, those that are open "
            f"stay{stay}"
        )
    return f"would set the limit of {_roles(count)} (--apply runs it){right if looked else ''}"


def _beyond(found: Enforcement) -> Iterator[str]:
    """Roles that hold more sessions than their limits."""
    activity = found.primary.activity
    for limit in found.limits if activity else ():
        sessions = certain(activity.of_role(limit.role)) if activity else 0
        if sessions > limit.limit:
            yield f"; {limit.role} has {sessions} open, {sessions - limit.limit} more than its limit"


def _its(count: int) -> str:
    return "its limit" if count == 1 else "theirs"


def _roles(count: int) -> str:
    return f"{count} role{'' if count == 1 else 's'}"


def _role(found: Enforcement, number: int) -> Mapping[str, object]:
    limit, activity = found.limits[number], found.primary.activity
    state = activity.role_states.get(limit.role) if activity else None
    return {
        "database": found.primary.name,
        "role": limit.role,
        "limit": limit.limit,
        "live_limit": state.connection_limit if state else None,
        "made_of": limit.made_of,
        "members": list(limit.members),
        "statement": statement(limit),
    }


def _findings(found: Enforcement) -> Iterator[Finding]:
    if found.verdict == "does not fit":
        for share in found.shares:
            if not share.fits:
                yield Finding(UNENFORCEABLE, Severity.ERROR, _excess(found, share))
    elif found.verdict == "unproven":
        problem = Problem(
            where=found.fleet.named(found.primary),
            message="can't be told: limits must not be lower than what is needed; not known is\n"
            + "\n".join(f"- {why}" for why in found.unknown),
            remedy=("say these numbers in the budget file, or have them read (a source, or --live)",),
            file=found.fleet.file,
            line=_line(found.fleet, found.primary),
        )
        yield Finding(UNPROVEN, Severity.UNDETERMINED, problem)


def _excess(found: Enforcement, share: Share) -> Problem:
    server = share.server
    least = "at least " if found.unknown else ""
    kept = server.usable_connections - share.capacity
    roles = sum(bool(_on(found, server) & set(limit.servers)) for limit in found.limits)
    beside = (
        f" ({server.usable_connections} usable, {kept} kept for fixed sessions and migrations)"
        if kept
        else ""
    )
    return Problem(
        where=found.fleet.named(server),
        message=f"the limits that {_roles(roles)} need add up to {least}{share.limits}, and "
        f"{share.capacity} connections can be given out{beside}, {share.limits - share.capacity} too many; "
        "a limit can't know that the deploys of other roles wait for their turn\n"
        + "\n".join(_largest(found, server)),
        remedy=tuple(_remedy(found)),
        file=found.fleet.file,
        line=_line(found.fleet, server),
    )


def _largest(found: Enforcement, server: Server) -> Iterator[str]:
    there = [limit for limit in found.limits if _on(found, server) & set(limit.servers)]
    ordered = sorted(there, key=lambda limit: -limit.limit)
    named = len(ordered) if len(ordered) == _NAMED + 1 else _NAMED
    for limit in ordered[:named]:
        yield f"- {limit.role} {limit.limit}: {limit.made_of}"
    if others := ordered[named:]:
        yield f"- {len(others)} others {sum(limit.limit for limit in others)}"


def _on(found: Enforcement, server: Server) -> set[str]:
    """A server, and the replicas whose roles may come to it."""
    may_come = found.fleet.judged.get("replica-lost", True)
    return {server.name, *(one.name for one in found.fleet.replicas(server) if may_come)}


def _remedy(found: Enforcement) -> Iterator[str]:
    changes = list(limit_changes(found))
    may_share = len(found.limits) > 1 and found.fleet.deploys_at_once is not None
    either = "either " if len(changes) + may_share > 1 else ""
    for number, change in enumerate(changes):
        yield f"{'or ' if number else either}{change.advice}:"
        yield indent(typed(found.fleet, change.edits), "  ")
    if may_share:
        yield "or let services share a role: within one, the limit knows how many of them deploy at once"


def _line(fleet: Fleet, server: Server) -> int | None:
    return fleet.line_of(("databases", server.name))
