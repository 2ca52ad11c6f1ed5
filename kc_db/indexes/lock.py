"""Makes and refreshes the lock file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kc_db.database import Connection
from kc_db.errors import InputError, ServerError
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_forms import major_version, record_forms, why_silent
from kc_db.indexes.lock_file import Entry, Lock, load_lock, lock_text
from kc_db.indexes.model import IndexDef
from kc_db.indexes.recorded_forms import fingerprint, labels


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went.

    Attributes:
        lines: what to tell.
        exit_code: 0 all is recorded, 1 the file is out of date, 3 some forms can't be had.
    """

    lines: tuple[str, ...]
    exit_code: int


def lock(connection: Connection, folder: Path, definitions: Sequence[IndexDef], *, write: bool) -> Outcome:
    """Records what this server makes of the definitions with expressions; other major versions' entries stay.

    Args:
        connection: in autocommit mode.
        folder: of the specs.
        definitions: all that the specs want.
        write: whether to write the file; else it is only compared.

    Raises:
        ServerError: this server or role can't be asked.
        InputError: the lock file can't be read or written.
    """
    if silence := why_silent(connection):
        raise ServerError(f"no forms can be recorded here: {silence}")
    before = load_lock(folder)
    version = major_version(connection)
    catalog = load_catalog(connection, definitions)
    told = list(record_forms(connection, definitions, catalog))
    made = [entry for _, entry in told if isinstance(entry, Entry)]
    after = [*_kept(before, definitions, version), *made]
    changed = {(entry.major_version, entry.index): entry for entry in after} != dict(before.entries)
    if changed and write:
        _write(before.file, lock_text(after))
    said = "is up to date" if not changed else "written" if write else "is out of date; run kc-db lock-specs"
    count = f"{len(made)} specs with expressions" if len(made) != 1 else "1 spec with expressions"
    refused = [f"not recorded: {one.table}.{one.name}: {why}" for one, why in told if isinstance(why, str)]
    lines = (*refused, f"lock-specs: {before.file} {said}: {count}, as PostgreSQL {version} writes them")
    return Outcome(lines, 3 if refused else 1 if changed and not write else 0)


def _kept(before: Lock, definitions: Sequence[IndexDef], version: int) -> list[Entry]:
    """Other major versions' entries, as far as their specs are unchanged."""
    wanted = {label: fingerprint(one) for one in definitions for label in labels(one)}
    return [
        entry
        for entry in before.entries.values()
        if entry.major_version != version and wanted.get(entry.index) == entry.spec
    ]


def _write(file: Path, text: str) -> None:
    """All of it or nothing."""
    passing = file.with_name(f"{file.name}.new")
    try:
        passing.write_text(text, encoding="utf-8")
        passing.replace(file)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", file=str(file)) from None
