"""`kc-db repair-indexes`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kc_db.cli.options import Run, common_options, database_option, schemas_option, specs_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.indexes.match import TableMatch
    from kc_db.online.patience import Patience
    from kc_db.report import Report


@click.command(
    short_help="Take the live indexes to the specs.",
    epilog="""\b
Examples:
  kc-db repair-indexes                  print the SQL, run nothing
  kc-db repair-indexes --apply          run it, then verify again
  kc-db repair-indexes --schemas 'tenant_*' --apply
  kc-db repair-indexes --apply --jobs 4 --maintenance-work-mem 1GB
  kc-db repair-indexes --apply --max-replication-lag 30s
  kc-db repair-indexes --as-revision "Mend the indexes"
""",
)
@click.option("--apply", is_flag=True, help="Run the SQL. Without it, it is only printed.")
@click.option(
    "--as-revision",
    metavar="MESSAGE",
    help="Run nothing; write it as Alembic revisions, one index each, behind the head.",
)
@click.option(
    "--alembic-config",
    type=click.Path(path_type=Path),
    envvar="ALEMBIC_CONFIG",
    default="alembic.ini",
    show_default=True,
    metavar="FILE",
    help="Where --as-revision finds the revisions.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Mend at most so many tables at the same time, each on its own connection.",
)
@click.option(
    "--maintenance-work-mem",
    envvar="KC_DB_MAINTENANCE_WORK_MEM",
    metavar="SIZE",
    help="Memory of each build, '1GB'. [default: the server's setting]",
)
@click.option(
    "--max-parallel-maintenance-workers",
    envvar="KC_DB_MAX_PARALLEL_MAINTENANCE_WORKERS",
    metavar="N",
    help="Backends that help each build. [default: the server's setting]",
)
@click.option(
    "--max-replication-lag",
    envvar="KC_DB_MAX_REPLICATION_LAG",
    metavar="TIME|SIZE",
    help="No build begins while a standby replays further behind than '30s', or '64MB'.",
)
@database_option
@specs_option
@schemas_option
@common_options
def repair_indexes(  # noqa: PLR0913 - one for each option
    run: Run,
    database_url: str | None,
    specs: Path,
    schemas: tuple[str, ...],
    *,
    apply: bool,
    as_revision: str | None,
    alembic_config: Path,
    jobs: int,
    maintenance_work_mem: str | None,
    max_parallel_maintenance_workers: str | None,
    max_replication_lag: str | None,
) -> None:
    """Take the live indexes to the specs, without blocking writes.

    Builds and drops CONCURRENTLY and renames; an index that neither a spec nor a finding names is never
    touched.
    What is not kc-db's to decide (an index that a constraint stands on) is said and left alone.
    A baseline doesn't count here: what it accepts is mended like anything else.
    """
    from kc_db.cli.verification import load_rulebook_and_specs, report_findings
    from kc_db.database import connect, find_target
    from kc_db.indexes.inspect import find_scope, found
    from kc_db.indexes.load_catalog import load_catalog
    from kc_db.indexes.match import match_tables
    from kc_db.indexes.repair import plan_table
    from kc_db.indexes.verify import verify
    from kc_db.online.jobs import repair_tables
    from kc_db.online.resources import Resources

    if apply and as_revision is not None:
        raise click.UsageError("--apply runs it and --as-revision writes it down: choose one")
    patience = _patience(max_replication_lag)
    resources = Resources(maintenance_work_mem, max_parallel_maintenance_workers)
    target = find_target(database_url)
    rulebook, written = load_rulebook_and_specs(specs)
    with connect(target, "repair-indexes", run.correlation_id) as connection:
        scope = find_scope(connection, written, schemas)
        wanted = scope.specs
        definitions = [spec.definition for spec in wanted]
        done = repair_tables(connection, wanted, jobs, resources, patience) if apply else ()
        catalog = load_catalog(connection, definitions)
    findings = verify(wanted, catalog, rulebook)
    tables = match_tables(wanted, catalog)
    if as_revision is not None:
        looked = report_findings(run, found(target.label, scope, findings), (), rulebook, specs)
        run.finish(_written(looked, tables, as_revision, alembic_config))
    planned = [step for table in tables for step in plan_table(table)]
    steps = done if apply else planned
    report = report_findings(run, found(target.label, scope, findings), findings, rulebook, specs)
    count = sum(step.statement is not None for step in steps)
    said = f"ran {count} statements" if apply else f"would run {count} statements (--apply runs them)"
    script = [step.text for step in steps]
    run.finish(
        replace(
            report,
            command="repair-indexes",
            script=() if apply else script,
            summary={**report.summary, "applied": apply, "statements": script},
            headline=f"{said}; {report.headline}",
        )
    )


def _patience(max_replication_lag: str | None) -> "Patience":
    from kc_db.online.patience import patience_of
    from kc_db.online.throttle import Lag

    lag = Lag.parse(max_replication_lag) if max_replication_lag else None
    return replace(patience_of(), max_replication_lag=lag)


def _written(report: "Report", tables: "Sequence[TableMatch]", message: str, configuration: Path) -> "Report":
    """Writes the revisions; the report says which, and no findings: they end with the next migration.

    Raises:
        NotARevisionError: something can't be written as a revision; none was written.
    """
    from kc_db.cli.verification import count
    from kc_db.online.revisions import changes_of, write_revisions

    files = [str(file) for file in write_revisions(configuration, message, changes_of(tables))]
    run_them = "; run: alembic upgrade head" if files else ""
    return replace(
        report,
        command="repair-indexes",
        script=files,
        summary={**report.summary, "applied": False, "statements": [], "revisions": files},
        headline=f"wrote {count(len(files), 'revision')}{run_them}",
    )
