"""`kc-db check-ready`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kc_db.cli.options import Run, common_options, database_option, schemas_option, specs_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kc_db.database import Target
    from kc_db.findings import Finding
    from kc_db.indexes.baseline import Entry
    from kc_db.indexes.inspect import Inspection
    from kc_db.ready.figures import Judged
    from kc_db.ready.load_state import Question
    from kc_db.ready.model import Wanted
    from kc_db.report import Report
    from kc_db.rulebook import Rule


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where it is written what must be there; None for what isn't asked for."""

    specs: Path | None
    baseline: Path | None
    schemas: tuple[str, ...]
    alembic: Path | None
    version_table: str


@click.command(
    short_help="Say whether the services may roll: the gate of a deploy, and a probe.",
    epilog="""\b
Examples:
  kc-db check-ready                                       the gate: after alembic upgrade head
  kc-db check-ready --wait 300 --free-connections 40      the same, while another task migrates
  kc-db check-ready --standby --max-replay-lag 10 --database-url postgresql://kc@replica/app
  kc-db check-ready --no-specs --allow-newer --free-connections 0 --timeout 2    a readiness probe
""",
)
@click.option("--standby", is_flag=True, help="The server must be a standby, not a primary.")
@click.option(
    "--max-replay-lag",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="With --standby: how far it may be behind its primary. [default: not asked]",
)
@click.option(
    "--free-connections",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="So many more must be left, of the role's, the database's and the server's limits; 0: not asked.",
)
@click.option("--allow-newer", is_flag=True, help="A database that newer code has migrated is ready too.")
@click.option(
    "--alembic-config",
    type=click.Path(path_type=Path),
    envvar="ALEMBIC_CONFIG",
    default="alembic.ini",
    show_default=True,
    metavar="FILE",
    help="Where the migrations are.",
)
@click.option(
    "--version-table",
    default="alembic_version",
    show_default=True,
    metavar="[SCHEMA.]NAME",
    help="Where Alembic notes what has run.",
)
@click.option("--no-migrations", is_flag=True, help="Don't ask for the schema's revision.")
@click.option("--no-specs", is_flag=True, help="Don't ask for the required indexes.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What is accepted. [default: index_baseline.toml beside the specs, if it is there]",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="For all questions together; then exit code 3.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Ask again, each second, until it is ready or the time is up; stderr says what changes.",
)
@database_option
@specs_option
@schemas_option
@common_options
def check_ready(  # noqa: PLR0913 - one parameter per option
    run: Run,
    database_url: str | None,
    *,
    standby: bool,
    max_replay_lag: float | None,
    free_connections: int,
    allow_newer: bool,
    alembic_config: Path,
    version_table: str,
    no_migrations: bool,
    specs: Path,
    no_specs: bool,
    baseline: Path | None,
    schemas: tuple[str, ...],
    timeout_s: float,
    wait_s: float,
) -> None:
    """Say whether the database is ready for the services.

    Ready: the server answers and is a primary; no migration is left to run; each required index is there and
    valid; connections are left. Reads only. Exit code 1: not ready. 3: nobody knows, as the server gave no
    answer.
    """
    from kc_db.cli.rules import rules_of
    from kc_db.database import find_target
    from kc_db.ready.model import Wanted

    if max_replay_lag is not None and not standby:
        raise click.UsageError("--max-replay-lag is for a standby; add --standby")
    wanted = Wanted(standby, allow_newer, free_connections, max_replay_lag)
    target = find_target(database_url)
    sources = _Sources(
        None if no_specs or _has_none(specs) else specs,
        baseline,
        schemas,
        None if no_migrations else alembic_config,
        version_table,
    )
    questions = _questions(target, wanted, sources)
    rulebook = rules_of("check-ready")
    judged = _judged(run, target, wanted, questions, rulebook, patience_s=(timeout_s, wait_s))
    run.finish(_report(run, target, sources, judged, rulebook))


def _has_none(specs: Path) -> bool:
    """Whether nobody named a folder of specs, and there is none where it would be."""
    from kc_db.logs import log

    source = click.get_current_context().get_parameter_source("specs")
    if source is not click.core.ParameterSource.DEFAULT or specs.exists():
        return False
    log.info("there is no folder %s: required indexes are not looked for (--no-specs says the same)", specs)
    return True


def _questions(target: "Target", wanted: "Wanted", sources: _Sources) -> "list[Question]":
    from kc_db.ready.load_revisions import load_revisions
    from kc_db.ready.load_state import Question, read_replay, read_role, read_room, schema_reader

    questions = [Question("role", read_role)]
    if wanted.replay_lag_s is not None:
        questions.append(Question("replay", read_replay))
    if sources.alembic:
        reader = schema_reader(sources.version_table, load_revisions(sources.alembic))
        questions.append(Question("schema", reader))
    if sources.specs:
        questions.append(_index_question(target, sources.specs, sources))
    if wanted.free_connections:
        questions.append(Question("connections", read_room))
    return questions


def _index_question(target: "Target", specs: Path, sources: _Sources) -> "Question":
    from kc_db.cli.verification import load_rulebook_and_specs
    from kc_db.indexes.inspect import Wanted
    from kc_db.indexes.lock_file import load_lock
    from kc_db.ready.load_state import Question
    from kc_db.ready.required import index_reader

    rulebook, written = load_rulebook_and_specs(specs)
    rulebook = tuple(rule for rule in rulebook if not rule.needs_facts)
    wanted = Wanted(written, rulebook, sources.schemas, load_lock(specs))
    accept = _accept(specs, sources.baseline, rulebook)
    return Question("indexes", index_reader(target.label, wanted, accept))


def _accept(
    specs: Path, given: Path | None, rulebook: "Sequence[Rule]"
) -> "Callable[[Inspection], list[Finding]]":
    from kc_db.cli.baseline import FILE_NAME, Baseline

    beside = specs.parent / FILE_NAME
    file = given or (beside if beside.exists() else None)
    entries: tuple[Entry, ...] = ()
    if file:
        from kc_db.cli.rules import describe_tool
        from kc_db.indexes.baseline_file import load_baseline

        entries = load_baseline(file, {rule.name: rule for rule in describe_tool("verify-indexes")})
    baseline = Baseline(file, entries)
    return lambda inspection: baseline.accept([inspection], rulebook)[0]


def _judged(  # noqa: PLR0913 - what is asked, of whom, and how patiently
    run: Run,
    target: "Target",
    wanted: "Wanted",
    questions: "Sequence[Question]",
    rulebook: "Sequence[Rule]",
    *,
    patience_s: tuple[float, float],
) -> "tuple[Judged, ...]":
    import psycopg  # noqa: F401 - before the clock runs

    from kc_db.database import connect
    from kc_db.logs import log
    from kc_db.ready import figures
    from kc_db.ready.load_state import looks
    from kc_db.ready.patience import until, within

    timeout_s, wait_s = patience_s
    checks = ["server", *(question.check for question in questions)]
    told: list[str] = []

    def look() -> "tuple[Judged, ...]":
        seen = within(
            timeout_s,
            checks,
            lambda opened: looks(
                target, lambda: connect(target, "check-ready", run.correlation_id), questions, opened
            ),
        )
        return figures.judge(target.label, wanted, seen, rulebook)

    def is_ready(judged: "tuple[Judged, ...]") -> bool:
        return figures.verdict(figures.findings_of(judged), run.fail_on) == "ready"

    def tell(judged: "tuple[Judged, ...]") -> None:
        said = figures.change(judged, run.fail_on)
        if told != [said]:
            told[:] = [said]
            log.info("%s", said)

    return until(is_ready, look, wait_s=wait_s, tell=tell)


def _report(
    run: Run, target: "Target", sources: _Sources, judged: "Sequence[Judged]", rulebook: "Sequence[Rule]"
) -> "Report":
    from kc_db.cli.rules import describe_tool
    from kc_db.ready import figures
    from kc_db.report import Report, Table

    findings = figures.findings_of(judged)
    known = [*rulebook, *(describe_tool("verify-indexes") if findings and sources.specs else ())]
    table = Table("What was asked", ("check", "verdict", "time", "answer"), figures.rows(judged, run.fail_on))
    return Report(
        command="check-ready",
        target=target.label,
        correlation_id=run.correlation_id,
        summary=figures.summary(judged, run.fail_on),
        findings=findings,
        headline=figures.headline(judged, run.fail_on),
        tables=[table] if findings else [],
        documentation={rule.name: rule.documentation for rule in known},
        severities={rule.name: rule.severity for rule in known},
        source=str(sources.specs or sources.alembic or ""),
    )
