"""The answers of --solve, as rows for people and as JSON types."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kc_db.budget.model import Fleet
from kc_db.budget.scenarios import scenarios
from kc_db.budget.solve.cheapest import Cheapest, cheapest
from kc_db.budget.solve.instances import Edge, largest_uniform_pool, most_instances
from kc_db.budget.solve.split import Split, split

Row = tuple[str, ...]


class Answers(NamedTuple):
    """How far one fleet can go; nothing but a reason where a number isn't known."""

    fleet: Fleet
    unproven: tuple[str, ...] = ()
    instances: tuple[Edge, ...] = ()
    uniform: Edge | None = None
    cheapest: tuple[tuple[str, Cheapest], ...] = ()
    split: Split | None = None


def answers(fleet: Fleet) -> Answers:
    """Everything that --solve says of a fleet. With unknown numbers nothing can be certified."""
    unknown = {why for target in fleet.targets for one in scenarios(fleet, target) for why in one.unknown}
    if unknown:
        return Answers(fleet, unproven=tuple(sorted(unknown)))
    found = ((target.name, cheapest(fleet, target)) for target in fleet.targets)
    return Answers(
        fleet,
        instances=most_instances(fleet),
        uniform=largest_uniform_pool(fleet),
        cheapest=tuple((name, one) for name, one in found if one is not None),
        split=split(fleet),
    )


def tables(found: Sequence[Answers]) -> Iterator[tuple[str, Row, tuple[Row, ...]]]:
    """Title, columns and rows of each answer."""
    for one in found:
        of = f" ({one.fleet.environment})" if one.fleet.environment and len(found) > 1 else ""
        if one.unproven:
            yield f"Can't be solved{of}: not known is", ("what",), tuple((why,) for why in one.unproven)
            continue
        columns = ("what", "now", "most", "one more breaks")
        edges = (*one.instances, *((one.uniform,) if one.uniform else ()))
        yield f"How many instances fit, and which size of all pools{of}", columns, tuple(map(_edge, edges))
        yield from _cheapest_tables(one, of)
        if one.split:
            yield _split_title(one.split, of), _SPLIT_COLUMNS, tuple(_split_rows(one.split))


def summary(found: Sequence[Answers]) -> list[Mapping[str, object]]:
    """The same for machines."""
    return [
        {
            "environment": one.fleet.environment,
            "unproven": list(one.unproven),
            "instances": [edge._asdict() for edge in one.instances],
            "uniform_pool": one.uniform._asdict() if one.uniform else None,
            "cheapest": [
                {
                    "target": name,
                    "pools": [{"pool": pool, "now": now, "size": size} for pool, now, size in change.sizes],
                    "is_fewest": change.is_fewest,
                }
                for name, change in one.cheapest
            ],
            "split": _split_summary(one.split) if one.split else None,
        }
        for one in found
    ]


def _edge(edge: Edge) -> Row:
    now = "-" if edge.now is None else str(edge.now)
    if edge.most is None:
        return edge.name, now, "none", edge.beyond
    return edge.name, now, str(edge.most) if edge.beyond else "any", edge.beyond or "nothing"


def _cheapest_tables(one: Answers, of: str) -> Iterator[tuple[str, Row, tuple[Row, ...]]]:
    for name, change in one.cheapest:
        kept = {2: "each keeps half or more", 4: "each keeps a quarter or more"}
        few = "no smaller set is enough" if change.is_fewest else "not proved to be the fewest"
        proved = ", ".join(filter(None, (kept.get(change.share or 0), few)))
        title = f"The fewest pools to make smaller for {name}{of}: {len(change.sizes)}; {proved}"
        rows = tuple((pool, str(now), str(size), str(size + 1)) for pool, now, size in change.sizes)
        yield title, ("pool", "now", "fits", "does not fit"), rows


_SPLIT_COLUMNS = ("service", "load of a process", "pool now", "waits now", "pool needed", "waits then")


def _split_title(found: Split, of: str) -> str:
    verdict = "the fleet fits so" if found.fits else "the fleet does not fit so"
    best = (
        "nor with any wait below 99 %: what has no load takes too much"
        if found.best_percent is None
        else f"{found.best_percent:g} % is the least wait that fits"
    )
    return f"Split by need{of}: at most {found.wait_percent:g} % of queries wait: {verdict}; {best}"


def _split_rows(found: Split) -> Iterator[Row]:
    for need in found.needs:
        yield (
            need.name,
            f"{need.erlangs:.2f}",
            str(need.now),
            f"{need.wait_percent_now:.2f} %",
            str(need.needed),
            f"{need.wait_percent:.2f} %",
        )


def _split_summary(found: Split) -> Mapping[str, object]:
    return {
        "wait_percent": found.wait_percent,
        "fits": found.fits,
        "best_wait_percent": found.best_percent,
        "services": [need._asdict() for need in found.needs],
    }
