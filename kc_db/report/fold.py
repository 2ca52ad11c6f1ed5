"""Says once what is true in many schemas or databases. For people: machine formats stay whole."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from kc_db.findings import Finding, Problem

_SHOWN = 8
_PLACE = "\0"  # stands for the schema; no name of PostgreSQL's can hold it


@dataclass(slots=True)
class _Fold:
    """Findings that differ in nothing but their place: the first one, and everyone's place."""

    first: Finding
    places: list[str] = field(default_factory=list)


def fold(findings: Iterable[Finding], schemas: Sequence[str] = ()) -> list[Finding]:
    """The findings, of which those that differ only in their schema, or only in their database, are one.

    Args:
        findings: in the order in which they are shown.
        schemas: the schemas that all have to match one set of specs.

    Returns:
        The first of each, whose message says where else it is true.
    """
    known = frozenset(schemas)

    def schema_of(finding: Finding) -> tuple[str | None, Hashable]:
        schema = _schema(finding.problem.where, known)
        problem = _anywhere(finding.problem, schema) if schema else finding.problem
        return schema, (finding.rule, finding.severity, finding.target, problem)

    def target_of(finding: Finding) -> tuple[str | None, Hashable]:
        return finding.target, (finding.rule, finding.severity, finding.problem)

    folded = _folded(findings, schema_of, "schema", len(known)) if known else findings
    return _folded(folded, target_of, "database", 0)


def _folded(
    findings: Iterable[Finding],
    place_of: Callable[[Finding], tuple[str | None, Hashable]],
    noun: str,
    total: int,
) -> list[Finding]:
    folds: dict[Hashable, _Fold] = {}
    for position, finding in enumerate(findings):
        place, key = place_of(finding)
        fold = folds.setdefault(position if place is None else key, _Fold(finding))
        fold.places.append(place or "")
    return [_told(fold, noun, total) for fold in folds.values()]


def _told(fold: _Fold, noun: str, total: int) -> Finding:
    _, *others = dict.fromkeys(fold.places)
    if not others:
        return fold.first
    if len(others) + 1 == total:
        where = f"all {total} {noun}s"
    else:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        where = f"{len(others)} other {noun}{'s' * (len(others) > 1)}: {', '.join(others[:_SHOWN])}{more}"
    problem = fold.first.problem
    return replace(fold.first, problem=replace(problem, message=f"{problem.message}\nthe same in {where}"))


def _schema(where: str, known: frozenset[str]) -> str | None:
    """The known schema in which an object is; a name may hold dots."""
    end = where.find(".")
    while end != -1 and where[:end] not in known:
        end = where.find(".", end + 1)
    return where[:end] if end != -1 else None


def _anywhere(problem: Problem, schema: str) -> Problem:
    """The problem without its schema: two that are equal then differ in nothing else."""
    quoted = schema.replace('"', '""')

    def without(text: str) -> str:
        return text.replace(f'"{quoted}".', _PLACE).replace(f"{schema}.", _PLACE)

    return replace(
        problem,
        where=without(problem.where),
        message=without(problem.message),
        remedy=tuple(map(without, problem.remedy)),
        differences=tuple(
            replace(difference, want=without(difference.want), have=without(difference.have))
            for difference in problem.differences
        ),
        group=None,
        found="",
    )
