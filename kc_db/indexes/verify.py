"""Compares the specs with the live catalog: all that the rules find, but for what a spec allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kc_db.findings import Finding, Problem
from kc_db.indexes.match import Match, TableMatch, match_tables
from kc_db.indexes.model import Allowance, Catalog, LiveIndex, Spec
from kc_db.indexes.repair import plan_match
from kc_db.indexes.statements import create_index
from kc_db.rulebook import Rule, apply_rules


@dataclass(frozen=True, slots=True)
class Subject:
    """What the verifier's rules look at.

    Attributes:
        tables: each table of the specs, matched.
        unused_allowances: with their specs; known only after every other rule has been applied.
    """

    tables: tuple[TableMatch, ...] = ()
    unused_allowances: tuple[tuple[Spec, Allowance], ...] = ()

    @property
    def matches(self) -> Iterator[Match]:
        """Every spec's match, of all tables that exist."""
        return (match for table in self.tables for match in table.matches)


def verify(specs: Sequence[Spec], catalog: Catalog, rules: Sequence[Rule]) -> list[Finding]:
    """What is wrong, the worst first; empty if live equals the specs."""
    findings = apply_rules(rules, Subject(match_tables(specs, catalog)))
    allowances = {(spec.file, spec.line, a.rule): (spec, a) for spec in specs for a in spec.allowances}
    used = {_key(finding) for finding in findings} & allowances.keys()
    unused = tuple(pair for key, pair in allowances.items() if key not in used)
    return [
        *(finding for finding in findings if _key(finding) not in used),
        *apply_rules(rules, Subject(unused_allowances=unused)),
    ]


def problem_of(match: Match, message: str) -> Problem:
    """A problem of one spec, with its purpose, its place and the SQL that makes it true."""
    return Problem(
        where=f"{match.want.table}.{match.want.name}",
        message=message,
        remedy=tuple(step.text for step in plan_match(match)),
        purpose=match.spec.purpose,
        file=match.spec.file,
        line=match.spec.line,
    )


def shown(index: LiveIndex) -> str:
    """A live index as the spec that would want it."""
    text = create_index(index.definition).as_string(None)
    return text.replace(" CONCURRENTLY", "", 1)


def _key(finding: Finding) -> tuple[str | None, int | None, str]:
    return (finding.problem.file, finding.problem.line, finding.rule)
