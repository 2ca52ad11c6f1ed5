"""The options of verify-indexes that are about a baseline, and what they do."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kc_db.findings import Finding
    from kc_db.indexes.baseline import Entry, Looked
    from kc_db.indexes.inspect import Inspection
    from kc_db.rulebook import Rule

FILE_NAME = "index_baseline.toml"
_BESIDE_THE_SPECS = ""  # the value of --write-baseline without a FILE
_DAYS = 90


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline as this run uses it.

    Attributes:
        file: where it is, None if there is none.
        entries: what it has.
        renewal: the reason and the date of new entries, if it is to be written.
    """

    file: Path | None
    entries: "tuple[Entry, ...]" = ()
    renewal: tuple[str, date] | None = None

    def accept(
        self, inspections: "Sequence[Inspection]", rules: "Sequence[Rule]"
    ) -> "tuple[list[Finding], list[Inspection]]":
        """What is left to report, the worst first, and the inspections with how much of each is accepted.

        Raises:
            InputError: the baseline is to be written, and can't be.
        """
        from kc_db.indexes.verify import accept
        from kc_db.rulebook import worst_first

        findings = worst_first(finding for one in inspections for finding in one.findings)
        if self.file is None:
            return findings, list(inspections)
        looked = _looked(inspections, rules)
        entries = self._renewed(findings, looked) if self.renewal else self.entries
        left, accepted = accept(findings, entries, looked, rules)
        counts = Counter(finding.target or inspections[0].target for finding in accepted)
        return left, [replace(one, accepted=counts[one.target]) for one in inspections]

    def _renewed(self, findings: "Sequence[Finding]", looked: "Looked") -> "tuple[Entry, ...]":
        from kc_db.indexes.baseline import renew
        from kc_db.indexes.baseline_file import write_baseline
        from kc_db.logs import log

        if not self.file or not self.renewal:
            return self.entries
        entries = renew(findings, self.entries, looked, *self.renewal)
        write_baseline(self.file, entries)
        kept = len(set(entries) & set(self.entries))
        new, gone = len(entries) - kept, len(set(self.entries)) - kept
        log.info("%s: %d new, %d kept, %d taken out", self.file, new, kept, gone)
        return entries


def baseline_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --baseline, --write-baseline, --reason and --expires to a command that has --specs.

    The command gets a Baseline that has been read, so that a wrong one is told before anybody connects.
    """

    @wraps(function)
    def command(
        *args: Any,
        specs: Path,
        read_from: Path | None,
        write_to: str | None,
        reason: str | None,
        expires: datetime | None,
        **options: Any,
    ) -> Any:
        beside = specs.parent / FILE_NAME
        if write_to is None:
            if reason or expires:
                raise click.UsageError("--reason and --expires go with --write-baseline; add it")
            baseline = _load(read_from or (beside if beside.exists() else None))
        else:
            file = Path(write_to) if write_to else read_from or beside
            if read_from and file != read_from:
                raise click.UsageError("--baseline and --write-baseline name two files; name one")
            baseline = _to_write(file, reason, expires)
        return function(*args, specs=specs, baseline=baseline, **options)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _load(file: Path | None) -> Baseline:
    if file is None:
        return Baseline(None)
    from kc_db.cli.rules import describe_tool
    from kc_db.indexes.baseline_file import load_baseline

    return Baseline(file, load_baseline(file, {rule.name: rule for rule in describe_tool("verify-indexes")}))


def _to_write(file: Path, reason: str | None, expires: datetime | None) -> Baseline:
    if not (reason or "").strip():
        raise click.UsageError('--write-baseline needs --reason "why these findings are acceptable"')
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise click.UsageError(f"{file} can't be written; name a file in a folder that you may write to")
    until = expires.date() if expires else _today() + timedelta(days=_DAYS)
    if until < _today():
        raise click.UsageError(f"--expires {until} is past; entries would accept nothing")
    present = _load(file if file.exists() else None)
    return Baseline(file, present.entries, ((reason or "").strip(), until))


def _looked(inspections: "Sequence[Inspection]", rules: "Sequence[Rule]") -> "Looked":
    from kc_db.indexes.baseline import Looked

    return Looked(
        today=_today(),
        rules=frozenset(rule.name for rule in rules),
        targets=tuple(one.target for one in inspections if not one.error),
        schemas=tuple({schema for one in inspections for schema in one.schemas}),
    )


def _today() -> date:
    return datetime.now(UTC).date()


_OPTIONS = (
    click.option(
        "--baseline",
        "read_from",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"What is accepted, and not reported. [default: {FILE_NAME} beside the specs, if it is there]",
    ),
    click.option(
        "--write-baseline",
        "write_to",
        is_flag=False,
        flag_value=_BESIDE_THE_SPECS,
        metavar="[FILE]",
        help="Accept all errors and warnings of this run: write them into the baseline. Needs --reason.",
    ),
    click.option("--reason", metavar="TEXT", help="With --write-baseline: why they are acceptable."),
    click.option(
        "--expires",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="YYYY-MM-DD",
        help=f"With --write-baseline: the last day on which they are. [default: in {_DAYS} days]",
    ),
)
