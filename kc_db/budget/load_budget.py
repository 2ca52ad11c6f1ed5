"""Reads a budget file: from bytes to tables whose shape is right; resolve says what they mean."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import ValidationError

from kc_db.budget.schema import BudgetFile, known_keys
from kc_db.errors import InputError
from kc_db.toml.complaints import Complaints, suggest
from kc_db.toml.read import parse, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kc_db.toml.locate import Place


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
        from kc_db.toml.locate import places

        return places(self.text)

    @property
    def has_sources(self) -> bool:
        """Whether the file names anything to read numbers from."""
        tables = self.tables
        return bool(tables.sources) or any(table.sources for table in tables.environments.values())

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


DEFAULT_FILE = "pool_budget.toml"


def no_budget(file: str) -> Budget:
    """A budget that says nothing itself: all of it is read from sources."""
    return Budget(file, "", BudgetFile())


def load_budget(file: str) -> Budget:
    """Reads and checks the shape of a budget file.

    Raises:
        InputError: it can't be read, is no TOML, or has keys or values that don't fit; all of these are told.
    """
    text = read_text(file, if_missing="no such file; name the budget: kc-db check-pool-budget FILE")
    document = parse(file, text, what="budget")
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
