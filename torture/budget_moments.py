"""The moments of a fleet in torture.budget: everything that its policy judges, task by task."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations

from torture.budget_fleets import Case, Crew, deploying, deploying_slowly, deploying_twice

Event = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens to a fleet.

    Attributes:
        name: of the scenario that the policy judges, and of whom it is about.
        events: who starts (1) or has gone (-1), in this order.
    """

    name: str
    events: tuple[Event, ...]


def weights(case: Case) -> Mapping[str, int]:
    """Connections of one task, of the readers of one task, of one session."""
    own = {crew.name: crew.processes * sum(crew.pools) for crew in case.crews}
    readers = {f"{crew.name} readers": crew.processes * sum(crew.reading) for crew in case.crews}
    return own | readers | dict.fromkeys((*case.site.fixed, *case.site.migration), 1)


def moments(case: Case) -> Iterator[Moment]:
    """All that the policy judges, one after the other; from the third on each ends where it began."""
    fixed = chain.from_iterable([(name, 1)] * count for name, count in case.site.fixed.items())
    yield Moment("steady", (*fixed, *_all(case.crews, [crew.usual for crew in case.crews])))
    yield Moment("scaled-out", tuple(_all(case.crews, [crew.tasks - crew.usual for crew in case.crews])))
    size = weights(case)
    for name, default, candidates in (
        ("deploy", True, _deploys(case.crews, case.deploys_at_once or len(case.crews))),
        ("deploy-all", False, _deploys(case.crews, len(case.crews))),
        ("second-deploy", True, _second_deploys(case)),
        ("blue-green-all", False, [_visit(_all(case.crews, [crew.tasks for crew in case.crews]))]),
        ("replica-lost", True, [_visit(_readers(case))]),
        ("migration", True, [_visit(_sessions(case.site.migration))]),
    ):
        if case.judged.get(name, default):
            yield Moment(name, max(candidates, key=lambda events: height(events, size)[0]))


def height(events: Iterable[Event], size: Mapping[str, int]) -> tuple[int, int]:
    """How far connections rise above where they were, and after how many events that is."""
    levels = list(accumulate((step * size[name] for name, step in events), initial=0))
    highest = max(levels)
    return highest, levels.index(highest)


def together(streams: Iterable[Sequence[Event]]) -> tuple[Event, ...]:
    """Several deploys, timed so that all of them are largest at the same time."""
    split = [
        (stream, height(stream, dict.fromkeys((name for name, _ in stream), 1))[1]) for stream in streams
    ]
    heads = chain.from_iterable(stream[:at] for stream, at in split)
    return (*heads, *chain.from_iterable(stream[at:] for stream, at in split))


def _deploys(crews: Sequence[Crew], at_once: int) -> list[tuple[Event, ...]]:
    groups = combinations(crews, min(at_once, len(crews)))
    return [together([_named(crew, deploying(crew)) for crew in group]) for group in groups]


def _second_deploys(case: Case) -> Iterator[tuple[Event, ...]]:
    others = min(case.deploys_at_once or len(case.crews), len(case.crews)) - 1
    for again in case.crews:
        rest = [crew for crew in case.crews if crew is not again]
        for group in combinations(rest, others):
            ordinary = [_named(crew, _slowly(crew)) for crew in group]
            yield together([_named(again, deploying_twice(again)), *ordinary])


def _slowly(crew: Crew) -> list[int]:
    """A deploy as the platform allows it, its stopped tasks gone at once or late: whichever is larger."""
    ways = [list(deploying(crew)), list(deploying_slowly(crew))]
    return max(ways, key=lambda steps: max(accumulate(steps, initial=0)))


def _named(crew: Crew, steps: Iterable[int]) -> list[Event]:
    return [(crew.name, step) for step in steps]


def _all(crews: Iterable[Crew], counts: Iterable[int]) -> Iterator[Event]:
    for crew, count in zip(crews, counts, strict=True):
        yield from [(crew.name, 1)] * count


def _readers(case: Case) -> Iterator[Event]:
    for crew in case.crews:
        if crew.reading:
            yield from [(f"{crew.name} readers", 1)] * crew.tasks


def _sessions(sessions: Mapping[str, int]) -> Iterator[Event]:
    for name, count in sessions.items():
        yield from [(name, 1)] * count


def _visit(events: Iterable[Event]) -> tuple[Event, ...]:
    come = tuple(events)
    return (*come, *((name, -1) for name, _ in come))
