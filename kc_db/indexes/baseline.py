"""A baseline: what was found once and a person accepted, with a reason, until a date.

It makes kc-db useful on a grown database from the first day: what is new is reported, what is old waits its
turn. An entry accepts what it says was found, nothing else on the same index.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from kc_db.findings import Finding, Problem, Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding.

    Attributes:
        rule: the rule that finds it.
        where: as the finding says it.
        found: as `fingerprint` gives it.
        reason: why it is accepted.
        expires: the last day on which it is.
        target: the database's label, where several were verified in one run; None means any.
        file: where the entry is written down.
        line: 1-based line in the file.
    """

    rule: str
    where: str
    found: tuple[str, ...]
    reason: str
    expires: date
    target: str | None = None
    file: str = field(default="", compare=False)
    line: int | None = field(default=None, compare=False)

    @property
    def place(self) -> str:
        """Its file and line, as reports write them."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run looked at, so that an entry about something else isn't taken for one that matches nothing.

    Attributes:
        today: the date by which entries expire.
        rules: the rules that were applied.
        targets: the labels of the databases; a finding without a target is of the only one.
        schemas: the only ones that were looked at; empty if the search_path said which.
    """

    today: date
    rules: frozenset[str]
    targets: tuple[str, ...]
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings in the light of a baseline.

    Attributes:
        findings: those that aren't accepted, in their order.
        accepted: those that are.
        expired: entries that would accept a finding, had they not expired.
        unused: entries that no finding matches; and whether the rule found something else in the same place.
    """

    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    expired: tuple[Entry, ...] = ()
    unused: tuple[tuple[Entry, bool], ...] = ()


def fingerprint(problem: Problem) -> tuple[str, ...]:
    """What must stay the same for a finding to be the accepted one, readable."""
    if problem.found:
        return (problem.found,)
    differences = (f"{each.attribute}: want {each.want}, have {each.have}" for each in problem.differences)
    return (problem.message, *differences)


def judge(findings: Sequence[Finding], entries: Sequence[Entry], looked: Looked) -> Judged:
    """Which findings the entries accept, and which entries have become idle."""
    places = _Places(findings, looked)
    matched = {entry: places.matching(entry) for entry in entries}
    accepted = {
        id(finding) for entry, found in matched.items() if entry.expires >= looked.today for finding in found
    }
    expired = (
        entry for entry, found in matched.items() if any(id(finding) not in accepted for finding in found)
    )
    return Judged(
        findings=tuple(finding for finding in findings if id(finding) not in accepted),
        accepted=tuple(finding for finding in findings if id(finding) in accepted),
        expired=tuple(expired),
        unused=tuple(
            (entry, places.has_other(entry))
            for entry, found in matched.items()
            if not found and places.is_decided(entry)
        ),
    )


def renew(
    findings: Sequence[Finding], entries: Sequence[Entry], looked: Looked, reason: str, expires: date
) -> tuple[Entry, ...]:
    """The entries that accept all findings which are differences, in a stable order.

    An entry that accepts one now keeps its reason and date, an expired one gets the new ones. What matches
    nothing goes, unless this run can't tell.

    Args:
        findings: all of them, not judged.
        entries: those that there are.
        looked: what the findings are about.
        reason: for the new entries.
        expires: for the new entries.
    """
    places = _Places(findings, looked)
    kept = [entry for entry in entries if _is_kept(entry, places, looked)]
    accepted = {id(finding) for entry in kept for finding in places.matching(entry)}
    new = {
        Entry(f.rule, f.problem.where, fingerprint(f.problem), reason, expires, f.target)
        for f in findings
        if f.severity >= Severity.WARNING and id(f) not in accepted
    }
    return tuple(sorted({*kept, *new}, key=_order))


def _is_kept(entry: Entry, places: "_Places", looked: Looked) -> bool:
    if places.matching(entry):
        return entry.expires >= looked.today
    return not places.is_decided(entry)


def _order(entry: Entry) -> tuple[object, ...]:
    return (entry.target or "", entry.where, entry.rule, entry.found, entry.expires, entry.reason)


class _Places:
    """Findings by what an entry says of them."""

    def __init__(self, findings: Iterable[Finding], looked: Looked) -> None:
        self._looked = looked
        self._anywhere: list[Finding] = []  # undetermined, and of no table: it may hide whatever there is
        self._by_place: dict[str, list[Finding]] = {}
        self._by_key: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
        for finding in findings:
            problem = finding.problem
            if finding.severity is Severity.UNDETERMINED and problem.group is None:
                self._anywhere.append(finding)
            self._by_place.setdefault(problem.where, []).append(finding)
            self._by_key.setdefault((finding.rule, problem.where, fingerprint(problem)), []).append(finding)

    def matching(self, entry: Entry) -> list[Finding]:
        """The findings that the entry is about, expired or not; an undetermined one can't be accepted."""
        found = self._by_key.get((entry.rule, entry.where, entry.found), ())
        return [each for each in self._of_target(entry, found) if each.severity is not Severity.UNDETERMINED]

    def has_other(self, entry: Entry) -> bool:
        """Whether the entry's rule found something else in its place."""
        found = self._of_target(entry, self._by_place.get(entry.where, ()))
        return any(finding.rule == entry.rule for finding in found)

    def is_decided(self, entry: Entry) -> bool:
        """Whether this run would have found what the entry is about, if it were there."""
        looked = self._looked
        found = self._of_target(entry, self._by_place.get(entry.where, ()))
        return (
            entry.rule in looked.rules
            and entry.target in {None, *looked.targets}
            and (not looked.schemas or entry.where.startswith(tuple(f"{name}." for name in looked.schemas)))
            and not any(finding.severity is Severity.UNDETERMINED for finding in found)
            and not any(self._of_target(entry, self._anywhere))
        )

    def _of_target(self, entry: Entry, findings: Iterable[Finding]) -> Iterator[Finding]:
        only = self._looked.targets[0] if self._looked.targets else None
        return (each for each in findings if entry.target in {None, each.target or only})
