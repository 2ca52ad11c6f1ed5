"""`kc-db verify-indexes`."""

from pathlib import Path

import click

from kc_db.cli.options import Run, common_options, database_option, specs_option


@click.command(
    epilog="""\b
Examples:
  DATABASE_URL=postgresql://reader@db.internal/app kc-db verify-indexes
  kc-db verify-indexes --specs index_specs --format json
  kc-db verify-indexes --format github --output json=indexes.json
"""
)
@database_option
@specs_option
@common_options
def verify_indexes(run: Run, database_url: str | None, specs: Path) -> None:
    """Compare the live catalog with the index specs.

    Says what differs and the SQL that mends it. Reads only, in one transaction.
    """
    from kc_db.cli.verification import load_rulebook_and_specs, report_findings
    from kc_db.database import connect, find_target
    from kc_db.indexes.load_catalog import load_catalog
    from kc_db.indexes.verify import verify

    target = find_target(database_url)
    rulebook, wanted = load_rulebook_and_specs(specs)
    with connect(target, "verify-indexes", run.correlation_id) as connection:
        catalog = load_catalog(connection, [spec.definition for spec in wanted])
    findings = verify(wanted, catalog, rulebook)
    run.finish(report_findings(run, target, wanted, findings, rulebook))
