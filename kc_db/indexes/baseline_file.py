"""Reads and writes a baseline file: TOML, one `[[accepted]]` table per entry, in an order for small diffs."""

import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kc_db.errors import InputError
from kc_db.findings import Severity
from kc_db.indexes.baseline import Entry
from kc_db.rulebook import Description
from kc_db.toml.complaints import Complaints, suggest
from kc_db.toml.locate import element_lines
from kc_db.toml.read import parse, read_text

_TABLE = "accepted"
_HEADER = """\
# What kc-db verify-indexes found and a person accepted, each for a reason and until a date.
# kc-db verify-indexes --write-baseline made this file; edit `reason` and `expires` by hand. An entry accepts
# what `found` says and nothing else; one that has expired, or that nothing matches any more, is reported.
"""
_Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    target: _Text | None = None
    rule: _Text
    where: _Text
    found: list[str]
    reason: _Text
    expires: date


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    accepted: list[_Entry] = []


def load_baseline(file: Path, rules: Mapping[str, Description]) -> tuple[Entry, ...]:
    """The entries of a baseline file.

    Args:
        file: it has to exist.
        rules: the verifier's rules, by name.

    Raises:
        InputError: it can't be read or is no baseline; says file, line, column and key of each mistake.
    """
    name = str(file)
    text = read_text(name, if_missing="no such file; make it with: kc-db verify-indexes --write-baseline")
    document = parse(name, text, what="baseline")
    complaints = Complaints(name, text)
    try:
        entries = _File.model_validate(document).accepted
    except ValidationError as error:
        complaints.add_all(error, _known_keys)
        complaints.raise_any()
        raise
    for number, entry in enumerate(entries):
        _check(entry.rule, rules, complaints, number)
    complaints.raise_any()
    lines = element_lines(text, _TABLE)
    return tuple(
        Entry(
            **{**entry.model_dump(), "found": tuple(entry.found)},
            file=name,
            line=lines[number] if lines else None,  # none: a person wrote them as an inline array
        )
        for number, entry in enumerate(entries)
    )


def write_baseline(file: Path, entries: Iterable[Entry]) -> None:
    """Writes the entries as they come; whoever reads the file meanwhile gets the old or the new one, whole.

    Raises:
        InputError: the file can't be written.
    """
    import tomli_w

    tables = [f"[[{_TABLE}]]\n{tomli_w.dumps(_table(entry))}" for entry in entries]
    text = "\n".join([_HEADER, *tables])
    place = Path(os.path.realpath(file))
    if place.exists() and not place.is_file():  # a device would be replaced, or a folder
        raise InputError("the baseline can't be written: this is no file; name one", file=str(file))
    passing = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        passing.write_text(text, encoding="utf-8", newline="\n")
        passing.replace(place)
    except OSError as error:
        passing.unlink(missing_ok=True)
        message = f"the baseline can't be written: {error.strerror}; name a file that you may write"
        raise InputError(message, file=str(file)) from None


def _table(entry: Entry) -> dict[str, object]:
    target = {"target": entry.target} if entry.target else {}
    return {
        **target,
        "rule": entry.rule,
        "where": entry.where,
        "found": list(entry.found),
        "reason": entry.reason,
        "expires": entry.expires,
    }


def _check(rule: str, rules: Mapping[str, Description], complaints: Complaints, number: int) -> None:
    path = (_TABLE, str(number), "rule")
    if rule not in rules:
        complaints.add(path, f"there is no rule {rule}{suggest(rule, rules)}")
    elif rules[rule].severity is Severity.UNDETERMINED:
        complaints.add(path, "what is undetermined can't be accepted; take this entry out")


def _known_keys(table: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_Entry.model_fields) if table else (_TABLE,)
