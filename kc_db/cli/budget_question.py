"""What commands on a pool budget ask about: which file, environment, changes, sources and server."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kc_db.cli.options import Run
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.budget.activity import Activity
    from kc_db.budget.gather import Source
    from kc_db.budget.load_budget import Budget
    from kc_db.budget.model import Fleet
    from kc_db.budget.resolve.overrides import Override
    from kc_db.budget.sources import Reading
    from kc_db.database import Connection


class Question(NamedTuple):
    """What was asked, as it was typed."""

    file: str
    environment: str | None
    overrides: tuple[str, ...]
    sources: tuple[str, ...]


class Loaded(NamedTuple):
    """What was asked, as far as files say it."""

    budget: "Budget"
    environments: "tuple[str | None, ...]"
    changes: "tuple[Override, ...]"
    given: "tuple[Source, ...]"


def load(question: Question) -> "list[Fleet]":
    """The fleet of each environment that was asked about.

    Raises:
        InputError: the file, an option or a source is wrong.
        ServerError: a source can't be reached, or refuses.
    """
    loaded = _loaded(question)
    return _resolve(loaded)


def load_live(
    run: Run, question: Question, url: str | None, database: str | None, command: str = "check-pool-budget"
) -> "list[Fleet]":
    """The same, of one environment, with the limits that the server has, and who is connected to it.

    Args:
        run: how this run was asked to speak.
        question: what was asked.
        url: the server's, if it was said.
        database: which database of the file that server is; not needed if there is one only.
        command: how the server is told who looks.

    Raises:
        InputError: the file or an option is wrong, or it isn't clear which server is meant.
        ServerError: the server or a source can't be reached, or refuses.
    """
    loaded = _loaded(question)
    if len(loaded.environments) > 1:
        named = " or ".join(map(str, loaded.environments))
        raise InputError(f"--live reads one server: say whose, with --environment {named}")
    name = loaded.budget.database(database)
    _resolve(loaded, live_database=name)  # a mistake is told before a server is asked
    from kc_db.database import connect, find_target

    target = find_target(url)
    with connect(target, command, run.correlation_id) as connection:
        readings, activity = _read(connection, name, target.label)
    fleets = _resolve(loaded, live_database=name, live=readings)
    return [_looked_at(fleet, name, activity) for fleet in fleets]


def _read(connection: "Connection", database: str, label: str) -> "tuple[list[Reading], Activity]":
    from kc_db.budget.live.load_activity import read_activity
    from kc_db.budget.live.load_limits import read_limits

    return list(read_limits(connection, database, label)), read_activity(connection)


def _looked_at(fleet: "Fleet", database: str, activity: "Activity") -> "Fleet":
    server = next(server for server in fleet.servers if server.name == database)
    return fleet.with_server(replace(server, activity=activity))


def _loaded(question: Question) -> Loaded:
    from kc_db.budget.load_budget import DEFAULT_FILE, load_budget, no_budget
    from kc_db.budget.resolve.overrides import parse_override

    changes = tuple(parse_override(text) for text in question.overrides)
    given: tuple[Source, ...] = ()
    if question.sources:
        from kc_db.budget.gather import parse_source

        given = tuple(parse_source(text) for text in question.sources)
    is_optional = bool(given) and question.file == DEFAULT_FILE and not Path(DEFAULT_FILE).exists()
    budget = no_budget("--source") if is_optional else load_budget(question.file)
    return Loaded(budget, budget.environments(question.environment), changes, given)


def _resolve(
    loaded: Loaded, *, live_database: str | None = None, live: "Sequence[Reading]" = ()
) -> "list[Fleet]":
    from kc_db.budget.resolve import resolve

    read = {}
    if loaded.given or live or loaded.budget.has_sources:
        from kc_db.budget.gather import gather, sources_of

        for environment in loaded.environments:
            found = (*sources_of(loaded.budget, environment), *loaded.given)
            read[environment] = gather(loaded.budget, found, live)
    return list(
        resolve(
            loaded.budget,
            loaded.environments,
            live_database=live_database,
            overrides=loaded.changes,
            read=read,
        )
    )
