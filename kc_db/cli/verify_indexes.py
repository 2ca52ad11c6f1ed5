"""`kc-db verify-indexes`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kc_db.cli.baseline import Baseline, baseline_option
from kc_db.cli.options import (
    Run,
    common_options,
    database_option,
    schemas_option,
    specs_option,
    targets_options,
)

if TYPE_CHECKING:
    from kc_db.database import Connection, Target
    from kc_db.indexes.inspect import Inspection


@click.command(
    epilog="""\b
Examples:
  DATABASE_URL=postgresql://reader@db.internal/app kc-db verify-indexes
  kc-db verify-indexes --specs index_specs --format json
  kc-db verify-indexes --format github --output json=indexes.json
  kc-db verify-indexes --schemas 'tenant_*' --schemas archive
  kc-db verify-indexes --target eu=postgresql://reader@eu/app --target us=postgresql://reader@us/app
  kc-db verify-indexes --targets databases.txt --connections 4
  kc-db verify-indexes --write-baseline --reason "before our time, KC-311" --expires 2030-12-31
"""
)
@database_option
@targets_options
@specs_option
@baseline_option
@schemas_option
@click.option(
    "--standby",
    "standbys",
    multiple=True,
    metavar="URL",
    envvar="KC_DB_STANDBYS",
    help="A standby of the database; its scans count before an index is called unused; may be repeated.",
)
@common_options
def verify_indexes(  # noqa: PLR0913 - one parameter per option
    run: Run,
    database_url: str | None,
    specs: Path,
    *,
    targets: "tuple[Target, ...]",
    connections: int,
    schemas: tuple[str, ...],
    standbys: tuple[str, ...],
    baseline: Baseline,
) -> None:
    """Compare the live catalog with the index specs.

    Says what differs and the SQL that mends it. Changes nothing: what only the server can compare is tried on
    an empty temporary table, in a transaction that is rolled back.
    """
    from kc_db.cli.verdicts import look_at_all, look_at_one, report_targets
    from kc_db.cli.verification import load_rulebook_and_specs, report_findings, standbys_at
    from kc_db.database import find_target
    from kc_db.indexes.inspect import Wanted, inspect
    from kc_db.indexes.lock_file import load_lock

    if targets and standbys:
        raise click.UsageError(
            "--standby is of one database: verify the targets that have standbys one by one"
        )
    only = None if targets else find_target(database_url)
    rulebook, written = load_rulebook_and_specs(specs)
    wanted = Wanted(written, rulebook, schemas, load_lock(specs), standbys_at(run, standbys))

    def look(connection: "Connection", label: str) -> "Inspection":
        return inspect(connection, label, wanted)

    inspections = [look_at_one(run, only, look)] if only else look_at_all(run, targets, look, connections)
    findings, inspections = baseline.accept(inspections, rulebook)
    if only:
        run.finish(report_findings(run, inspections[0], findings, rulebook, specs))
    run.finish(report_targets(run, inspections, findings, rulebook, specs))
