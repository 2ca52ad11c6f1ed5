"""The lock file: canonical forms recorded beforehand, for where the server can't be asked.

It stands beside the specs. Per major version and spec it holds what the server made of the spec's
expressions, and what it made of that, until it repeated itself.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kc_db.errors import InputError
from kc_db.indexes.parse import tree_of_index

NAME = "canonical_forms.lock"
_ABOUT = (
    "What PostgreSQL makes of the specs' expressions, per major version. Made by `kc-db lock-specs`, for "
    "standbys and for roles that may not make temporary tables. Commit it with the specs."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one major version makes of one spec.

    Attributes:
        major_version: PostgreSQL's.
        index: the spec's table and index, as the spec names them.
        spec: a hash of the spec's keys and predicate, whatever their spacing.
        columns: those that it reads, as CREATE TABLE says them.
        forms: the server's words, then its words for those, until it repeated itself.
    """

    major_version: int
    index: str
    spec: str
    columns: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file's entries, by major version and index; none if there is no file."""

    file: Path
    entries: Mapping[tuple[int, str], Entry]


def load_lock(folder: Path) -> Lock:
    """The lock file of a folder of specs.

    Raises:
        InputError: it is there and not what kc-db writes.
    """
    file = folder / NAME
    from pglast.parser import ParseError

    try:
        content = json.loads(file.read_bytes())
        entries = [
            Entry(int(version), row["index"], row["spec"], tuple(row["columns"]), tuple(row["forms"]))
            for version, rows in content["postgresql"].items()
            for row in rows
        ]
        for entry in entries:
            for form in entry.forms:
                tree_of_index(form)
    except FileNotFoundError:
        return Lock(file, {})
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=str(file)) from None
    except (ValueError, LookupError, TypeError, AttributeError, ParseError):
        raise InputError(
            "this isn't what kc-db lock-specs writes; delete it and run that again", file=str(file)
        ) from None
    return Lock(file, {(entry.major_version, entry.index): entry for entry in entries})


def lock_text(entries: Iterable[Entry]) -> str:
    """What stands in the file: sorted, so that a change of one spec is a change of one place."""
    versions: dict[str, list[dict[str, object]]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.major_version, entry.index)):
        row: dict[str, object] = {
            "index": entry.index,
            "spec": entry.spec,
            "columns": entry.columns,
            "forms": entry.forms,
        }
        versions.setdefault(str(entry.major_version), []).append(row)
    return json.dumps({"about": _ABOUT, "postgresql": versions}, indent=2, ensure_ascii=False) + "\n"
