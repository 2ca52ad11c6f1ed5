"""`kc-db lock-specs`."""

from pathlib import Path

import click

from kc_db.cli.options import database_option, specs_option


@click.command(
    short_help="Record what the server makes of the specs' expressions.",
    epilog="""\b
Examples:
  kc-db lock-specs                            record, for the server's major version
  kc-db lock-specs --check                    change nothing, exit 1 if the lock file is out of date
  DATABASE_URL=embedded: kc-db lock-specs     for PostgreSQL 18, after alembic upgrade head
""",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the lock file isn't up to date.")
@database_option
@specs_option
@click.option("--correlation-id", "given_id", metavar="ID", help="Stands in log lines and application_name.")
def lock_specs(database_url: str | None, specs: Path, given_id: str | None, *, check: bool) -> None:
    """Record what the server makes of the specs' expressions, in <specs>/canonical_forms.lock.

    A standby, or a role that may not make temporary tables, can't be asked whether an expression that is
    written differently means the same. There verify-indexes takes the recorded forms. They are per major
    version: run this once against a primary of each, and again when a spec's expression or a column's type
    has changed (verify-indexes says so: stale-canonical-form). The tables have to be in the search_path; what
    they hold doesn't matter.
    """
    from kc_db.cli.verification import load_rulebook_and_specs
    from kc_db.database import connect, find_target
    from kc_db.indexes.lock import lock
    from kc_db.logs import configure_logs, correlation_id

    run_id = correlation_id(given_id)
    configure_logs("text", run_id)
    target = find_target(database_url)
    _, wanted = load_rulebook_and_specs(specs)
    with connect(target, "lock-specs", run_id) as connection:
        outcome = lock(connection, specs, [spec.definition for spec in wanted], write=not check)
    click.echo("\n".join(outcome.lines))
    raise SystemExit(outcome.exit_code)
