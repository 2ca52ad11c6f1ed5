"""Reads a budget file: from bytes to tables whose shape is right; resolve says what they mean."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from kc_db.budget.complaints import Complaints, suggest
from kc_db.budget.schema import BudgetFile, known_keys
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kc_db.budget.locate import Place

_TOML_POSITION = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$"
)


@dataclass(frozen=True)
class Budget:
    """A budget file whose shape is right.

    Attributes:
        file: its name, as it was typed.
        text: its text.
        tables: what it says.
    """

    file: str
    text: str = field(repr=False)
    tables: BudgetFile

    @cached_property
    def places(self) -> "Mapping[tuple[str, ...], Place]":
        """Where each key is written; parses the text a second time, so ask for findings only."""
        from kc_db.budget.locate import places

        return places(self.text)

    def environments(self, wanted: str | None = None) -> tuple[str | None, ...]:
        """The environments to look at: the wanted one, or all. A file that names none has one without a name.

        Raises:
            InputError: there is no such environment.
        """
        names = tuple(self.tables.environments)
        if wanted is None:
            return names or (None,)
        if wanted not in names:
            hint = suggest(wanted, names) or "; the file names none, so leave --environment away"
            raise InputError(f"--environment: no environment {wanted} in the file{hint}", file=self.file)
        return (wanted,)

    def database(self, wanted: str | None = None) -> str:
        """The database that --live is about: the wanted one, or the only one.

        Raises:
            InputError: there is no such database, or there are several and none was named.
        """
        names = tuple(self.tables.databases)
        if wanted is None and len(names) == 1:
            return names[0]
        if wanted is None:
            raise InputError(
                f"--live reads one server, and the file has {len(names)}: say which with --database "
                f"{' or --database '.join(names)}",
                file=self.file,
            )
        if wanted not in names:
            raise InputError(
                f"--database: no database {wanted} in the file{suggest(wanted, names)}", file=self.file
            )
        return wanted


def load_budget(file: str) -> Budget:
    """Reads and checks the shape of a budget file.

    Raises:
        InputError: it can't be read, is no TOML, or has keys or values that don't fit; all of these are told.
    """
    text = _read(file)
    document = _parse(file, text)
    if not document:
        raise InputError(
            "the file says nothing; it needs at least one [databases.<name>] and one [services.<name>]",
            file=file,
        )
    try:
        tables = BudgetFile.model_validate(document)
    except ValidationError as error:
        complaints = Complaints(file, text)
        complaints.add_all(error, known_keys)
        complaints.raise_any()
        raise
    return Budget(file, text, tables)


def _read(file: str) -> str:
    try:
        content = Path(file).read_bytes()
    except FileNotFoundError:
        raise InputError("no such file; name the budget: kc-db check-pool-budget FILE", file=file) from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise InputError(
            f"not UTF-8: byte 0x{content[error.start]:02x}; save the file as UTF-8",
            file=file,
            line=before.count(b"\n") + 1,
            column=len(before[line_start:].decode("utf-8-sig")) + 1,
        ) from None


def _parse(file: str, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(file, text, str(error)) from None
    except RecursionError:
        raise InputError("not a budget: tables or lists are nested too deep", file=file) from None
    except ValueError:  # Python converts no more than some thousand digits
        raise InputError("not a budget: it holds a number of thousands of digits", file=file) from None


def _syntax_error(file: str, text: str, message: str) -> InputError:
    position = _TOML_POSITION.match(message)
    what = position["what"] if position else message
    if position and position["line"]:
        line, column = int(position["line"]), int(position["column"])
    else:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return InputError(f"not TOML: {what[0].lower()}{what[1:]}", file=file, line=line, column=column)
