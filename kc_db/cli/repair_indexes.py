"""`kc-db repair-indexes`."""

import click

from kc_db.cli.options import Run, common_options


@click.command()
@common_options
def repair_indexes(run: Run) -> None:
    """Take the live indexes to the specs."""
    raise NotImplementedError
