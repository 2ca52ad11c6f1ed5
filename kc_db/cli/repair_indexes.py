"""`kc-db repair-indexes`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kc_db.cli.options import Run, common_options, database_option, schemas_option, specs_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.database import Connection
    from kc_db.indexes.match import TableMatch
    from kc_db.indexes.model import Spec
    from kc_db.indexes.steps import Step
    from kc_db.report import Report


@click.command(
    short_help="Take the live indexes to the specs.",
    epilog="""\b
Examples:
  kc-db repair-indexes                  print the SQL, run nothing
  kc-db repair-indexes --apply          run it, then verify again
  kc-db repair-indexes --schemas 'tenant_*' --apply
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

    if apply and as_revision is not None:
        raise click.UsageError("--apply runs it and --as-revision writes it down: choose one")
    target = find_target(database_url)
    rulebook, written = load_rulebook_and_specs(specs)
    with connect(target, "repair-indexes", run.correlation_id) as connection:
        scope = find_scope(connection, written, schemas)
        wanted = scope.specs
        definitions = [spec.definition for spec in wanted]
        done = _apply(connection, wanted) if apply else ()
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


def _apply(connection: "Connection", wanted: "Sequence[Spec]") -> "Sequence[Step]":
    """Mends each table that needs it; one that can't be mended doesn't keep the others from it.

    Raises:
        ServerError: others held locks all the time; likewise.
        psycopg.Error: the server refused a statement; raised after the other tables have been mended.
    """
    import psycopg

    from kc_db.errors import RefusedError, ServerError
    from kc_db.indexes.load_catalog import load_catalog
    from kc_db.indexes.match import match_tables
    from kc_db.indexes.repair import plan_table
    from kc_db.logs import log
    from kc_db.online.deploy_lock import deploy_lock
    from kc_db.online.index_build import repair_table
    from kc_db.online.pooler import refuse_transaction_pooling

    done: list[Step] = []
    refused: psycopg.Error | ServerError | None = None
    refuse_transaction_pooling(connection)
    with deploy_lock(connection):
        catalog = load_catalog(connection, [spec.definition for spec in wanted])
        for table in match_tables(wanted, catalog):
            if not plan_table(table):
                continue
            try:
                repair_table(connection, table.specs, done)
            except RefusedError as error:
                log.error("%s", error)
            except ServerError as error:
                log.error("%s is not mended: %s", table.table, error)
                refused = refused or error
            except psycopg.Error as error:
                if connection.closed:
                    raise
                log.error("%s is not mended", table.table)
                refused = refused or error
    if refused:
        raise refused
    return done
