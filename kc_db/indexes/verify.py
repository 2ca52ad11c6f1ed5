"""Compares the specs with the live catalog: all that the rules find, but for what a spec allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kc_db.findings import Finding, Problem
from kc_db.indexes.baseline import Entry, Looked, judge
from kc_db.indexes.facts import TableFacts
from kc_db.indexes.match import Match, TableMatch, match_tables
from kc_db.indexes.model import Allowance, Catalog, IndexDef, LiveIndex, LiveTable, Spec, StaleForm
from kc_db.indexes.repair import plan_match
from kc_db.indexes.statements import create_index
from kc_db.rulebook import Rule, apply_rules, worst_first


@dataclass(frozen=True, slots=True)
class Subject:
    """What the verifier's rules look at.

    Attributes:
        tables: each table of the specs, matched.
        stale_forms: what the lock file no longer says.
        unused_allowances: with their specs; known only after every other rule has been applied.
        expired_entries: those of the baseline that would accept a finding; known after that.
        unused_entries: those that no finding matches, and whether their rule finds something else there.
    """

    tables: tuple[TableMatch, ...] = ()
    stale_forms: tuple[StaleForm, ...] = ()
    unused_allowances: tuple[tuple[Spec, Allowance], ...] = ()
    expired_entries: tuple[Entry, ...] = ()
    unused_entries: tuple[tuple[Entry, bool], ...] = ()

    @property
    def matches(self) -> Iterator[Match]:
        """Every spec's match, of all tables that exist."""
        return (match for table in self.tables for match in table.matches)

    @property
    def facts(self) -> Iterator[tuple[TableMatch, LiveTable, TableFacts]]:
        """Each table of which there are facts."""
        for table in self.tables:
            if table.live and table.live.facts:
                yield table, table.live, table.live.facts


def verify(specs: Sequence[Spec], catalog: Catalog, rules: Sequence[Rule]) -> list[Finding]:
    """What is wrong, the worst first; empty if live equals the specs."""
    rules = [rule for rule in rules if catalog.has_facts or not rule.needs_facts]
    findings = apply_rules(rules, Subject(match_tables(specs, catalog), catalog.forms.stale))
    applied = {rule.name for rule in rules}
    allowances = {(spec.file, spec.line, a.rule): (spec, a) for spec in specs for a in spec.allowances}
    used = {_key(finding) for finding in findings} & allowances.keys()
    left = [finding for finding in findings if _key(finding) not in used]
    # What else is wrong with a spec's index may hide what is allowed: it's seen again once that is mended.
    wrong = {(finding.problem.file, finding.problem.line) for finding in left}
    unused = tuple(
        (_located(spec, catalog), allowance)
        for key, (spec, allowance) in allowances.items()
        if key not in used and allowance.rule in applied and (spec.file, spec.line) not in wrong
    )
    return [
        *left,
        *apply_rules(rules, Subject(unused_allowances=unused)),
    ]


def accept(
    findings: Sequence[Finding], entries: Sequence[Entry], looked: Looked, rules: Sequence[Rule]
) -> tuple[list[Finding], tuple[Finding, ...]]:
    """What a baseline leaves to report, the worst first, and what it accepts."""
    judged = judge(findings, entries, looked)
    idle = Subject(expired_entries=judged.expired, unused_entries=judged.unused)
    return worst_first([*judged.findings, *apply_rules(rules, idle)]), judged.accepted


def problem_of(match: Match, message: str) -> Problem:
    """A problem of one spec, with its purpose, its place and the SQL that makes it true."""
    return Problem(
        where=f"{match.want.table}.{match.want.name}",
        message=message,
        remedy=_remedy(match),
        purpose=match.spec.purpose,
        file=match.spec.file,
        line=match.spec.line,
        group=str(match.want.table),
    )


def _remedy(match: Match) -> tuple[str, ...]:
    steps = tuple(step.text for step in plan_match(match))
    if match.makes_way_for or match.in_the_way:
        return (
            "-- names are mixed up: run one finding's statements, then look again; or repair-indexes",
            *steps,
        )
    return steps


def problem_with(
    table: TableMatch, index: LiveIndex, message: str, *, found: str = "", remedy: tuple[str, ...] = ()
) -> Problem:
    """A problem of a live index, with the purpose and the place of its spec, if it has one."""
    match = next((one for one in table.matches if index in (one.satisfied_by, one.same_name)), None)
    return Problem(
        where=index.qualified_name,
        message=message,
        remedy=remedy,
        purpose=match.spec.purpose if match else "",
        file=match.spec.file if match else None,
        line=match.spec.line if match else None,
        group=str(index.definition.table),
        found=found,
    )


def shown(definition: IndexDef) -> str:
    """An index as the spec that wants it, or would want it."""
    text = create_index(definition).as_string(None)
    return text.replace(" CONCURRENTLY", "", 1)


def _located(spec: Spec, catalog: Catalog) -> Spec:
    """The spec with its table's full name, where there is such a table."""
    live = catalog.tables.get(spec.definition.table)
    return replace(spec, definition=replace(spec.definition, table=live.name)) if live else spec


def _key(finding: Finding) -> tuple[str | None, int | None, str]:
    return (finding.problem.file, finding.problem.line, finding.rule)
