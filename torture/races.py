"""Many deploys of one database at the same moment.

    python -m torture.races --rounds 50 --deploys 20             # rounds on PostgreSQL 14 to 18 in turn
    python -m torture.races --postgres 16 --seed 42 --rounds 1   # one of them again

Each exits 0, nobody meets a deadlock, and each index is built once: the server's log says so.
"""

import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from random import Random
from typing import TYPE_CHECKING

from torture.checks import complaints
from torture.command import on_each, parser, servers_of
from torture.machine import Machine
from torture.scene import Scene
from torture.states import STATES, State

if TYPE_CHECKING:
    import subprocess

_BUILD = re.compile(r"(?:statement|execute [^:]*): CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(\S+) ON")


def race(state: State, machine: Machine, deploys: int, stop: threading.Event) -> tuple[str, ...]:
    """Starts the deploys together; what is wrong with how they ended.

    Args:
        state: of the database.
        machine: its server.
        deploys: how many.
        stop: set when all is to end.
    """
    with (
        machine.database(state.name, state.make) as url,
        closing(Scene(machine, url, Random(0), stop)) as scene,
    ):
        logged = len(machine.log())
        with ExitStack() as stack:
            processes = [stack.enter_context(scene.deploying()) for _ in range(deploys)]
            said = [_said(scene, process) for process in processes]
        log = machine.log()[logged:].decode(errors="replace")
        return (
            *_bad_ends(processes, said),
            *log_complaints(log, state),
            *complaints(url, state),
        )


def _said(scene: Scene, process: "subprocess.Popen[str]") -> str:
    said = scene.finish(process)
    if said is None:
        process.kill()
    return said or ""


def _bad_ends(processes: list["subprocess.Popen[str]"], said: list[str]) -> Iterator[str]:
    for process, words in zip(processes, said, strict=True):
        if process.returncode or "Traceback" in words:
            yield f"a deploy exits {process.returncode}: {words[-2000:]}"


def log_complaints(log: str, state: State) -> Iterator[str]:
    """Deadlocks, and indexes that weren't built exactly once, as the server's log has them."""
    if deadlocks := log.count("deadlock detected"):
        yield f"{deadlocks} deadlocks, see the log: {log[-4000:]}"
    builds = Counter(_BUILD.findall(log))
    if builds != Counter(state.missing):
        wrong = {name: n for name, n in builds.items() if n != 1 or name not in state.missing}
        yield f"built {wrong or 'too few'}; missing were {sorted(state.missing)}, built {dict(builds)}"


def main() -> None:
    """Prints a line per round."""
    options = parser(__doc__.partition("\n")[0] if __doc__ else "")
    options.add_argument("--rounds", type=int, default=50, help="on all servers together")
    options.add_argument("--deploys", type=int, default=20, help="in each round")
    options.set_defaults(jobs=1)
    arguments = options.parse_args()
    servers = servers_of(arguments)
    rounds, bad = Counter[str](), list[str]()
    started = time.monotonic()

    def work(machine: Machine, stop: threading.Event) -> None:
        first = servers.index(machine.where)
        for number in range(first, arguments.rounds, len(servers)):
            seed = arguments.seed + number
            state = Random(seed).choice(STATES)
            began = time.monotonic()
            wrong = race(state, machine, arguments.deploys, stop)
            line = (
                f"--postgres {machine.where} --seed {seed} --rounds 1: {arguments.deploys} deploys, "
                f"{state.name}: {'FAILED' if wrong else 'well'}, {len(state.missing)} built, "
                f"{time.monotonic() - began:.1f} s"
            )
            print("\n".join([line, *wrong]), flush=True)
            rounds[machine.where] += 1
            bad.extend([line] if wrong else [])

    try:
        on_each(servers, arguments.jobs, work)
    finally:
        done = ", ".join(f"{number} on PostgreSQL {where}" for where, number in rounds.items())
        print(
            f"\n{rounds.total()} rounds ({done}) in {time.monotonic() - started:.0f} s, {len(bad)} failed",
            *bad,
            sep="\n",
        )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
