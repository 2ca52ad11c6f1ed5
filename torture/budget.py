"""Does a fleet that just fits never get "too many clients", and is there really no slot to spare?

    python -m torture.budget --fleets 50 --seed 1                  # 50 on each of PostgreSQL 14 to 18
    python -m torture.budget --postgres 16 --seed 42 --fleets 1    # one of them again
    python -m torture.budget --bouncers 100 --seed 1               # random PgBouncers instead

Each fleet gets the smallest max_connections with which kc-db lets it pass. Then its tasks start and stop on a
real server, in the order of their platforms, with all of their pools full. No connection may be refused;
and at the worst moment each further one has to be (SQLSTATE 53300, counted in the server's own log).
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from random import Random

import psycopg
from rich.console import Console
from rich.progress import track

from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet, Server
from kc_db.budget.resolve import resolve
from kc_db.budget.scenarios import fits, worst_enforced
from kc_db.embedded import find_binaries
from kc_db.errors import KcDbError
from tests.servers import MAJOR_VERSIONS, fetch_binaries
from torture.budget_bouncers import generate as generate_bouncer
from torture.budget_crowd import Lab, find_pgbouncer
from torture.budget_fleets import PRIMARY, Case, budget_text, generate
from torture.budget_moments import Moment, height, moments, weights
from torture.budget_stage import POOLS, PROBES, Stage
from torture.command import parser, servers_of

WHERE = (*MAJOR_VERSIONS, "embedded")
_AMPLE = 10_000
_LATEST = 18


@dataclass(slots=True)
class Outcome:
    """What has come of one fleet.

    Attributes:
        usable: what the budget says that the fleet may take, and takes at its worst.
        peak: connections of the fleet at its worst moment, task by task.
        worst: the moment's name.
        opened: connections opened in all.
        refused: how many further ones were refused at that moment.
        failures: what is wrong.
    """

    usable: int = 0
    peak: int = 0
    worst: str = ""
    opened: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


def certify(case: Case, folder: Path) -> tuple[int, int, list[str]]:
    """The smallest max_connections that kc-db lets pass, what it says that the fleet may take, complaints."""
    fleet, primary = _resolved(case, _AMPLE, folder)
    worst = worst_enforced(fleet, primary).demand_connections
    needed = worst + primary.limits.all_reserved_connections
    failures = []
    for max_connections, expected in ((needed, True), (needed - 1, False)):
        fleet, primary = _resolved(case, max_connections, folder)
        if fits(fleet, primary) is not expected:
            failures.append(f"max_connections = {max_connections}: kc-db says that it fits: {not expected}")
        if expected and primary.usable_connections != worst:
            failures.append(f"kc-db says usable {primary.usable_connections}, demand {worst}")
    return needed, worst, failures


def _resolved(case: Case, max_connections: int, folder: Path) -> tuple[Fleet, Server]:
    file = folder / "pool_budget.toml"
    file.write_text(budget_text(case, max_connections))
    budget = load_budget(str(file))
    (fleet,) = resolve(budget, budget.environments())
    return fleet, next(server for server in fleet.servers if server.name == PRIMARY)


def binaries_of(where: str) -> tuple[int, Path]:
    """A server's major version, and its programs."""
    return (_LATEST, find_binaries()) if where == "embedded" else (int(where), fetch_binaries(where))


def prove(case: Case, binaries: Path, folder: Path) -> Outcome:
    """Plays a fleet on a real server that is exactly as large as kc-db says.

    Args:
        case: the fleet.
        binaries: the server's programs.
        folder: keeps the server's data, and the budget.
    """
    folder.mkdir(exist_ok=True)
    needed, usable, failures = certify(case, folder)
    size, played = weights(case), list(moments(case))
    starts = list(accumulate((sum(step * size[n] for n, step in m.events) for m in played), initial=0))
    peaks = [start + height(moment.events, size)[0] for start, moment in zip(starts, played, strict=False)]
    outcome = Outcome(usable, max(peaks), played[peaks.index(max(peaks))].name, failures=failures)
    if outcome.peak != usable:
        failures.append(f"kc-db says that the worst moment takes {usable}, it takes {outcome.peak}")
    with Stage.on(folder / "server", binaries, case, needed) as stage:
        try:
            for moment, peak in zip(played, peaks, strict=True):
                _play(moment, stage, outcome, height(moment.events, size)[1], is_worst=peak == outcome.peak)
        except psycopg.OperationalError as error:
            failures.append(f"refused with {stage.opened} connections opened: {error}")
        outcome.opened = stage.opened
        if stage.refusals() != outcome.refused:
            failures.append(f"the server's log has {stage.refusals()} refusals, not {outcome.refused}")
    return outcome


def _play(moment: Moment, stage: Stage, outcome: Outcome, at: int, *, is_worst: bool) -> None:
    for number, (name, step) in enumerate((*moment.events, ("", 0))):
        if number == at and is_worst:
            outcome.failures += stage.look(outcome.peak)
            refused = stage.probe()
            if refused < PROBES:
                outcome.failures.append(f"{moment.name}: there is room for {PROBES - refused} more")
            outcome.refused += refused
        if step:
            stage.apply(name, step)


def main() -> None:
    """Prints a line per fleet or PgBouncer, and a summary."""
    options = parser(__doc__.partition("\n")[0] if __doc__ else "")
    options.add_argument("--fleets", type=int, default=0, help="on each server; 50 if nothing is asked for")
    options.add_argument("--bouncers", type=int, default=0, help="PgBouncers to fill, on PostgreSQL from pip")
    options.add_argument("--pgbouncer", help="its program; by default KC_DB_PGBOUNCER, or the installed one")
    arguments = options.parse_args()
    started, failed = time.monotonic(), []
    if arguments.bouncers:
        seeds = range(arguments.seed, arguments.seed + arguments.bouncers)
        failed += fill_bouncers(arguments.pgbouncer, seeds)
    fleets = arguments.fleets or (0 if arguments.bouncers else 50)
    if fleets:
        seeds = range(arguments.seed, arguments.seed + fleets)
        failed += prove_fleets(servers_of(arguments), seeds, arguments.jobs)
    print(f"{time.monotonic() - started:.0f} s, {len(failed)} failed")
    print("\n".join(failed))
    sys.exit(1 if failed else 0)


def prove_fleets(servers: Sequence[str], seeds: Sequence[int], jobs: int) -> list[str]:
    """Proves the fleet of each seed on each server, some at a time; the lines of those that failed."""
    failed, done = [], []
    with tempfile.TemporaryDirectory(prefix="torture-budget-") as base, ThreadPoolExecutor(jobs) as pool:
        for seed in _followed(seeds, "fleets"):
            outcomes = pool.map(partial(tried, seed=seed, base=Path(base)), servers)
            for where, outcome in zip(servers, outcomes, strict=True):
                line = f"--postgres {where} --seed {seed} --fleets 1: {_told(outcome)}"
                print("\n  ".join([line, *outcome.failures]), flush=True)
                done.append(outcome)
                failed += [line] if outcome.failures else []
    opened, refused = sum(one.opened for one in done), sum(one.refused for one in done)
    print(
        f"\n{len(done)} fleets on PostgreSQL {', '.join(servers)}, with {POOLS}: {opened} connections opened"
    )
    print(f"for {len(done) - len(failed)} that just fit, none refused; {refused} refused that were too many")
    return failed


def tried(where: str, seed: int, base: Path) -> Outcome:
    """The outcome of the fleet of a seed on a server: the same fleet each time."""
    major, binaries = binaries_of(where)
    try:
        return prove(generate(Random(f"{seed} {where}"), major), binaries, base / where)
    except (OSError, RuntimeError, KcDbError) as error:
        return Outcome(failures=[f"{type(error).__name__}: {error}"])


def _told(outcome: Outcome) -> str:
    if outcome.failures:
        return "FAILED"
    return (
        f"{outcome.peak} of {outcome.usable} at {outcome.worst}, {outcome.opened} opened, "
        f"then {outcome.refused} refused"
    )


def fill_bouncers(program: str | None, seeds: Sequence[int]) -> list[str]:
    """Fills the PgBouncer of each seed; the lines of those that opened more or less than kc-db says."""
    found = find_pgbouncer(program)
    if found is None:
        sys.exit("pgbouncer is missing: apt install pgbouncer, or --pgbouncer FILE")
    failed = []
    with tempfile.TemporaryDirectory(prefix="torture-budget-") as base, Lab.at(found, Path(base)) as lab:
        for seed in _followed(seeds, "PgBouncers"):
            bouncer = generate_bouncer(Random(seed), lab.version)
            seen = lab.measure(bouncer)
            line = (
                f"--seed {seed} --bouncers 1: {bouncer.pool_mode}, {seen.clients} clients, "
                f"{seen.peak} connections, {seen.budgeted} budgeted"
            )
            print(line, seen.log, sep="\n" if seen.log else "", flush=True)
            failed += [] if seen.is_equal else [line]
    version = ".".join(map(str, lab.version))
    print(f"\nPgBouncer {version}: {len(seeds) - len(failed)} of {len(seeds)} open what kc-db says")
    return failed


def _followed(seeds: Sequence[int], what: str) -> Iterable[int]:
    console = Console(stderr=True)
    return track(seeds, description=what, console=console, disable=not console.is_terminal)


if __name__ == "__main__":
    main()
