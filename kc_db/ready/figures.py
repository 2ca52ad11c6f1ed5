"""What the looks say, in figures and words; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kc_db.findings import Finding, Severity, count_by_severity, count_in_words, exit_code
from kc_db.ready.model import Indexes, Look, Subject, Wanted
from kc_db.rulebook import Rule, apply_rules, worst_first

_VERDICTS = {0: "ready", 1: "not ready", 3: "unknown"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A look, and what is wrong with what was seen.

    Attributes:
        look: the answer.
        findings: the worst first.
    """

    look: Look
    findings: tuple[Finding, ...]


def judge(label: str, wanted: Wanted, seen: Sequence[Look], rules: Sequence[Rule]) -> tuple[Judged, ...]:
    """What the rules and the verifier find, look by look."""
    return tuple(
        Judged(
            look,
            (
                *apply_rules(rules, Subject(label, wanted, look)),
                *(look.value.findings if isinstance(look.value, Indexes) else ()),
            ),
        )
        for look in seen
    )


def findings_of(judged: Sequence[Judged]) -> list[Finding]:
    """All findings, the worst first."""
    return worst_first(finding for one in judged for finding in one.findings)


def verdict(findings: Sequence[Finding], fail_on: Severity) -> str:
    """`ready`, `not ready` or `unknown`, as the exit code says it."""
    return _VERDICTS[exit_code(findings, fail_on)]


def headline(judged: Sequence[Judged], fail_on: Severity) -> str:
    """One line: the verdict, and where it is good, what was seen."""
    findings = findings_of(judged)
    said = verdict(findings, fail_on)
    if findings:
        return f"{said}: {count_in_words(findings)}"
    return f"{said}: " + "; ".join(f"{one.look.told} ({one.look.ms:.0f} ms)" for one in judged)


def change(judged: Sequence[Judged], fail_on: Severity) -> str:
    """What stands in the way, without times: the same words for the same state."""
    findings = findings_of(judged)
    parts = (f"{one.rule}: {one.problem.where}: {one.problem.message}" for one in findings)
    return f"{verdict(findings, fail_on)}: " + "; ".join(parts)


def rows(judged: Sequence[Judged], fail_on: Severity) -> tuple[tuple[str, ...], ...]:
    """A row per look: check, verdict, time, answer."""
    return tuple(
        (one.look.check, verdict(one.findings, fail_on), f"{one.look.ms:.0f} ms", one.look.told)
        for one in judged
    )


def summary(judged: Sequence[Judged], fail_on: Severity) -> Mapping[str, object]:
    """What JSON says."""
    findings = findings_of(judged)
    return {
        "verdict": verdict(findings, fail_on),
        "checks": [
            {
                "check": one.look.check,
                "verdict": verdict(one.findings, fail_on),
                "ms": round(one.look.ms, 1),
                "answer": one.look.told,
            }
            for one in judged
        ],
        "findings": count_by_severity(findings),
    }
