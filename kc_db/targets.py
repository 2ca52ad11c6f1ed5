"""Many databases for one run: named one by one, or in a file that may hold passwords and is never shown."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from kc_db.database import Target, find_target
from kc_db.errors import InputError, NothingToCheckError

_NAMED = re.compile(r"([\w.-]+)\s*=\s*(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_COMMENT = re.compile(r"(^|\s)#.*")
_Entry = tuple[str, str, int | None]  # what was written, the option or the file, the line


def find_targets(
    given: Sequence[str], files: Sequence[Path], environment: Mapping[str, str] = os.environ
) -> tuple[Target, ...]:
    """The databases that are named, in that order.

    Args:
        given: each `URL` or `NAME = URL`; the name is the label, else the URL without its secrets is.
        files: each has one of these per line; empty lines and `# comments` don't count.
        environment: where `${VARIABLE}` comes from. In a URL its value is percent-encoded; where it is all
            there is, it is the URL.

    Raises:
        InputError: a file can't be read, an entry isn't a database, or two are the same; names the line and
            shows none of it.
        NothingToCheckError: a file names no database.
    """
    entries: list[_Entry] = [(text.strip(), "--target", None) for text in given]
    for file in files:
        entries += _lines(file)
    targets: dict[str, Target] = {}
    for entry in entries:
        target = _target(entry, environment)
        if target.label in targets:
            _refuse(entry, f"there are two targets {target.label}; take one out, or name them: NAME = URL")
        for other in targets.values():
            if (other.conninfo, other.embedded_folder) == (target.conninfo, target.embedded_folder):
                _refuse(entry, f"targets {other.label} and {target.label} are one database; take one out")
        targets[target.label] = target
    return tuple(targets.values())


def _lines(file: Path) -> Iterator[_Entry]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=str(file)) from None
    except UnicodeDecodeError:
        raise InputError("isn't UTF-8; save it as UTF-8", file=str(file)) from None
    found = False
    for number, line in enumerate(text.splitlines(), start=1):
        if entry := _COMMENT.sub("", line).strip():
            found = True
            yield entry, str(file), number
    if not found:
        raise NothingToCheckError(f"no target is named in {str(file)!r}; write one per line, NAME = URL")


def _target(entry: _Entry, environment: Mapping[str, str]) -> Target:
    text = entry[0]
    named = _NAMED.fullmatch(text)
    name, url = named.groups() if named else (None, text)
    whole = _VARIABLE.fullmatch(url)

    def value(variable: re.Match[str]) -> str:
        if not environment.get(variable[1]):
            _refuse(entry, f"the environment has no {variable[1]}; set it")
        return environment[variable[1]] if whole else quote(environment[variable[1]], safe="")

    url = _VARIABLE.sub(value, url).strip()
    if not url:
        _refuse(entry, "no database is named; the form is NAME = postgresql://user@host/database")
    try:
        target = find_target(url)
    except InputError as error:
        _refuse(entry, str(error))
    return replace(target, label=name) if name else target


def _refuse(entry: _Entry, message: str) -> NoReturn:
    raise InputError(message, file=entry[1], line=entry[2])
