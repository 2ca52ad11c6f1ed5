"""Edits as the TOML that has to be typed into the budget file."""

from collections.abc import Iterable
from itertools import groupby

from kc_db.budget.model import Fleet
from kc_db.budget.solve.edits import Edit


def typed(fleet: Fleet, edits: Iterable[Edit]) -> str:
    """The tables and keys to write, under the fleet's environment, so that no other environment changes."""
    prefix = ("environments", fleet.environment) if fleet.environment else ()
    lines = []
    for table, group in groupby(edits, key=lambda edit: edit.table):
        lines.append(f"[{'.'.join((*prefix, *table))}]")
        lines += [f"{edit.key} = {edit.value}" for edit in group]
    return "\n".join(lines)
