"""`kc-db repair-indexes`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kc_db.cli.options import Run, common_options, database_option, specs_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.database import Connection
    from kc_db.indexes.model import Spec
    from kc_db.indexes.repair import Step


@click.command(
    short_help="Take the live indexes to the specs.",
    epilog="""\b
Examples:
  kc-db repair-indexes                  print the SQL, run nothing
  kc-db repair-indexes --apply          run it, then verify again
""",
)
@click.option("--apply", is_flag=True, help="Run the SQL. Without it, it is only printed.")
@database_option
@specs_option
@common_options
def repair_indexes(run: Run, database_url: str | None, specs: Path, *, apply: bool) -> None:
    """Take the live indexes to the specs, without blocking writes.

    Builds and drops CONCURRENTLY and renames; an index that neither a spec nor a finding names is never
    touched.
    What is not kc-db's to decide (an index that a constraint stands on) is said and left alone.
    """
    from kc_db.cli.verification import load_rulebook_and_specs, report_findings
    from kc_db.database import connect, find_target
    from kc_db.indexes.load_catalog import load_catalog
    from kc_db.indexes.match import match_tables
    from kc_db.indexes.repair import plan_table
    from kc_db.indexes.verify import verify

    target = find_target(database_url)
    rulebook, wanted = load_rulebook_and_specs(specs)
    definitions = [spec.definition for spec in wanted]
    with connect(target, "repair-indexes", run.correlation_id) as connection:
        done = _apply(connection, wanted) if apply else ()
        catalog = load_catalog(connection, definitions)
    findings = verify(wanted, catalog, rulebook)
    planned = [step for table in match_tables(wanted, catalog) for step in plan_table(table)]
    steps = done if apply else planned
    report = report_findings(run, target, wanted, findings, rulebook)
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


def _apply(connection: "Connection", wanted: "Sequence[Spec]") -> "Sequence[Step]":
    """Mends table by table; one that can't be mended doesn't keep the others from it.

    Raises:
        psycopg.Error: the server refused a statement; raised after the other tables have been mended.
    """
    import psycopg

    from kc_db.errors import RefusedError
    from kc_db.logs import log
    from kc_db.online.deploy_lock import deploy_lock
    from kc_db.online.index_build import repair_table
    from kc_db.online.pooler import refuse_transaction_pooling

    done: list[Step] = []
    refused: psycopg.Error | None = None
    tables = dict.fromkeys(spec.definition.table for spec in wanted)
    refuse_transaction_pooling(connection)
    with deploy_lock(connection):
        for table in tables:
            specs = [spec for spec in wanted if spec.definition.table == table]
            try:
                done += repair_table(connection, specs)
            except RefusedError as error:
                log.error("%s", error)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                log.error("%s is not mended", table)
                refused = refused or error
    if refused:
        raise refused
    return done
