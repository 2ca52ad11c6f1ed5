"""What happens to a deploy."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import LiteralString

from torture.scene import Scene

_BUILDERS: LiteralString = (
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'kc-db/alembic%'"
)


@dataclass(frozen=True, slots=True)
class Injury:
    """Something that ends a deploy, or tries to.

    Attributes:
        name: what the report calls it.
        strike: does it.
        exits: the exit codes of a deploy that it ended.
        hits_server: whether the server is down afterwards.
    """

    name: str
    strike: Callable[[Scene], object]
    exits: tuple[int, ...] = (3,)
    hits_server: bool = False


def _send(number: signal.Signals, scene: Scene) -> None:
    scene.process.send_signal(number)


def _ask(question: LiteralString, scene: Scene) -> None:
    scene.ask(question)


INJURIES = (
    Injury("SIGKILL", partial(_send, signal.SIGKILL), (-signal.SIGKILL,)),
    Injury("SIGTERM", partial(_send, signal.SIGTERM), (128 + signal.SIGTERM, -signal.SIGTERM)),
    Injury("pg_terminate_backend", partial(_ask, "SELECT bool_or(pg_terminate_backend(pid)) " + _BUILDERS)),
    Injury("pg_cancel_backend", partial(_ask, "SELECT bool_or(pg_cancel_backend(pid)) " + _BUILDERS)),
    Injury("server crash", lambda scene: scene.machine.crash(), hits_server=True),
)
