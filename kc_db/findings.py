"""What a check finds: a rule yields a Problem, the rulebook stamps it into a Finding."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is, mildest first.

    UNDETERMINED stands below them all: kc-db could not decide, which is neither a difference nor equality
    and has its own exit code.
    """

    UNDETERMINED = 0
    INFORMATION = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute that is not as wanted."""

    attribute: str
    want: str
    have: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule yields.

    Attributes:
        where: the object that is wrong, by its full name (`public.sessions.sessions_x_idx`, a service's).
        message: one sentence that says what is wrong.
        remedy: SQL statements or steps that mend it, each complete, in order.
        purpose: why the object must exist, in its owner's words.
        differences: the attributes that differ, if that is what is wrong.
        file: where the want is written down, if it is.
        line: 1-based line in the file.
        group: what it belongs to, a table; people read a report by it.
        found: what was found, where the message holds figures that change by themselves, or leaves out what
            must not change unseen; a baseline remembers this, or else the message and the differences.
    """

    where: str
    message: str
    remedy: tuple[str, ...] = ()
    purpose: str = ""
    differences: tuple[Difference, ...] = ()
    file: str | None = None
    line: int | None = None
    group: str | None = None
    found: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A Problem with the rule that found it and its severity; of several databases, also in which one."""

    rule: str
    severity: Severity
    problem: Problem = field(repr=False)
    target: str | None = None

    @property
    def place(self) -> str:
        """The object that is wrong; of several databases, with its database before it."""
        where = self.problem.where
        return where if self.target in {None, where} else f"{self.target}: {where}"


def count_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity, the worst first."""
    counts = dict.fromkeys(map(str, sorted(Severity, reverse=True)), 0)
    for finding in findings:
        counts[str(finding.severity)] += 1
    return counts


def count_in_words(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`: how many findings there are of each severity that there are any of."""
    counted = {name: number for name, number in count_by_severity(findings).items() if number}
    plural = {name: "s" for name, number in counted.items() if number > 1 and name in {"error", "warning"}}
    return ", ".join(f"{number} {name}{plural.get(name, '')}" for name, number in counted.items())


def exit_code(findings: Iterable[Finding], fail_on: Severity = Severity.ERROR) -> int:
    """0 if all is well, 1 if something is at or above `fail_on`, 3 if something could not be decided.

    A difference that is certain outweighs one that is not: both together are 1.
    """
    severities = {finding.severity for finding in findings}
    if any(severity >= fail_on for severity in severities):
        return 1
    return 3 if Severity.UNDETERMINED in severities else 0
