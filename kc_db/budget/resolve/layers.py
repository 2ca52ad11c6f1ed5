"""Tables that say the same thing, in the order in which they count.

What --set says counts before what a source read, that before what the environment says, that before the
top of the file; a service's defaults come last. So an environment's default never gives a pool to a
service that says it has none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel

from kc_db.budget.load_budget import Budget
from kc_db.budget.schema import BudgetFile, FleetTable, InstanceRange
from kc_db.budget.sources import Unknown
from kc_db.errors import InputError
from kc_db.toml.complaints import Complaints

Path = tuple[str, ...]
BOUNDS = ("max", "desired", "min")


@dataclass(frozen=True)
class Read:
    """What the sources of one environment say, as a budget file would say it.

    Attributes:
        tables: the values that are known.
        origins: where each was read, by its path.
        unknowns: what a source has and nobody can tell, by path.
    """

    tables: FleetTable = field(default_factory=FleetTable)
    origins: Mapping[Path, str] = field(default_factory=dict)
    unknowns: Mapping[Path, Unknown] = field(default_factory=dict)

    def origins_of(self, thing: Path) -> Mapping[str, str]:
        """Where the keys of one table were read, by their names inside it."""
        return self._by_thing.get(thing, {})

    @cached_property
    def _by_thing(self) -> Mapping[Path, Mapping[str, str]]:
        grouped: dict[Path, dict[str, str]] = {}
        for path, origin in self.origins.items():
            grouped.setdefault(path[:2], {})[".".join(path[2:])] = origin
        return grouped


class Layer(NamedTuple):
    """One table that says something.

    Attributes:
        path: where it stands; `("--set x.y=1", ...)` and `("<read>", ...)` stand in no file.
        table: what it says; None if there is no such table.
    """

    path: Path
    table: BaseModel | None

    @property
    def is_read(self) -> bool:
        """Whether a source says it."""
        return self.path[0] == READ

    @property
    def is_file(self) -> bool:
        """Whether somebody wrote it into the budget file."""
        return not self.path[0].startswith(("--set", READ))


READ = "<read>"


class Layers(NamedTuple):
    """The tables that say the same thing, the one that counts first."""

    layers: tuple[Layer, ...]

    def get(self, key: str, default: Any = None) -> Any:
        """The value that counts."""
        return next((getattr(layer.table, key) for layer in self.saying(key)), default)

    def said_by_people(self, key: str) -> Any:
        """The value that the file or --set says, whatever was read."""
        return next((getattr(layer.table, key) for layer in self.saying(key) if not layer.is_read), None)

    def declared(self, key: str) -> Any:
        """The value that the file itself says, whatever was read."""
        return next((getattr(layer.table, key) for layer in self.saying(key) if layer.is_file), None)

    def is_closer(self, key: str, other: str) -> bool:
        """Whether a key is said by a table that counts before every one that says another key."""
        depth = {id(layer): number for number, layer in enumerate(self.layers)}
        first, second = (
            next((depth[id(layer)] for layer in self.saying(name)), None) for name in (key, other)
        )
        return first is not None and (second is None or first < second)

    def path(self, key: str) -> Path:
        """Where the value comes from; where it belongs, if nobody says it."""
        return (*next((layer.path for layer in self.saying(key)), self.layers[-1].path), key)

    def saying(self, key: str) -> Iterator[Layer]:
        """The tables that state a key."""
        return (
            layer
            for layer in self.layers
            if layer.table and key in layer.table.model_fields_set and getattr(layer.table, key) is not None
        )

    def bound(self, which: str) -> int | None:
        """A bound of `instances`: max, desired or min; a plain number is all three."""
        for layer in self.saying("instances"):
            value = getattr(layer.table, "instances", None)
            number = getattr(value, which) if isinstance(value, InstanceRange) else value
            if number is not None:
                return int(number)
        return None

    def stated_minimum(self) -> int | None:
        """The least number of tasks, if bounds say it; a plain number that counts before them says none."""
        for layer in self.saying("instances"):
            value = getattr(layer.table, "instances", None)
            if not isinstance(value, InstanceRange):
                return None
            if value.min is not None:
                return value.min
        return None

    def names(self, key: str) -> tuple[str, ...]:
        """The names in a table of tables, from whichever layer has them; those of the file come first."""
        said = reversed(list(self.saying(key)))
        return tuple(dict.fromkeys(name for layer in said for name in getattr(layer.table, key)))

    def inside(self, key: str, name: str) -> tuple[Layer, ...]:
        """The layers of one table in a table of tables."""
        return tuple(
            Layer((*layer.path, key, name), getattr(layer.table, key).get(name)) for layer in self.saying(key)
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """One environment of one file while it is resolved.

    Attributes:
        budget: the file.
        environment: its name, or None where the file names none.
        complaints: where mistakes are noted.
        live_database: the server whose limits will be read; max_connections may be missing there.
        read: what the sources say.
        overrides: what each --set says, the last one first, with its text.
    """

    budget: Budget
    environment: str | None
    complaints: Complaints
    live_database: str | None = None
    read: Read = field(default_factory=Read)
    overrides: Sequence[tuple[str, FleetTable]] = ()

    @property
    def file(self) -> BudgetFile:
        """What the file says."""
        return self.budget.tables

    def layers(self, find: Callable[[FleetTable], BaseModel | None], *path: str) -> Layers:
        """Everything that is said of one thing."""
        tables: list[tuple[Path, FleetTable]] = [((text,), table) for text, table in self.overrides]
        tables.append(((READ,), self.read.tables))
        if self.environment is not None:
            tables.append((("environments", self.environment), self.file.environments[self.environment]))
        tables.append(((), self.file))
        return Layers(tuple(Layer((*prefix, *path), find(table)) for prefix, table in tables))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of a kind of table: those of the file, then those that were read."""
        return tuple(dict.fromkeys((*getattr(self.file, kind), *getattr(self.read.tables, kind))))

    def complain(self, path: Path, message: str, *, is_about_key: bool = False) -> None:
        """Notes a mistake where it was made.

        Raises:
            InputError: it was made by --set, or read; these stand in no file.
        """
        if path and path[0].startswith("--set"):
            self._refuse(
                f"{path[0]}: {path[-1]} {message}" if message.startswith("must") else f"{path[0]}: {message}"
            )
        if path and path[0] == READ:
            origin = self.origin(path[1:]) or "a source"
            self._refuse(f"{origin}: {'.'.join(path[1:])}: {message}")
        if self._is_only_read(path):
            origins = self.read.origins_of(path[:2])
            origin = next(iter(origins.values()), "a source")
            hint = "say in [sources] what this file calls it: `rename`, or `pooler` for a PgBouncer"
            self._refuse(
                f"{origin}: {'.'.join(path)}: {message}; the file has no {path[0]}.{path[1]}: {hint}"
            )
        self.complaints.add(path, message, is_about_key=is_about_key)

    def _is_only_read(self, path: Path) -> bool:
        """Whether a path is about something that the file doesn't have, and a source does."""
        if len(path) < len(("kind", "name")) or path[0] not in {"databases", "poolers", "services"}:
            return False
        in_file = path[1] in getattr(self.file, path[0]) or path[1] in self.file.workers
        return not in_file and path[1] in getattr(self.read.tables, path[0])

    def origin(self, path: Path) -> str | None:
        """Where a value was read."""
        return self.read.origins.get(path)

    def unknown(self, path: Path) -> str:
        """Why a source can't tell a value; empty if none says so."""
        found = self.read.unknowns.get(path)
        return found.why if found else ""

    @staticmethod
    def _refuse(message: str) -> NoReturn:
        raise InputError(message)


def joined(*groups: Iterable[Layer]) -> Layers:
    """Several groups of layers, the first one counts first."""
    return Layers(tuple(layer for group in groups for layer in group))
