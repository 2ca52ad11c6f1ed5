"""Hurts deploys, and looks whether the next one mends everything.

    python -m torture.kills --runs 100 --seed 1                  # 100 on each of PostgreSQL 14 to 18
    python -m torture.kills --postgres 16 --seed 42 --runs 1     # one of them again

What a run does follows from its seed and its server, as far as time allows.
"""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

import psycopg

from tests.deploys import start
from torture.checks import complaints
from torture.command import on_each, parser, servers_of, table
from torture.injuries import INJURIES, Injury
from torture.machine import Machine
from torture.moments import MOMENTS, RANDOM, Moment
from torture.scene import MissedError, Scene, StoppedError
from torture.states import State

_ATTEMPTS = 4
_PATIENCE_S = 4.0  # then those who hold a moment open go, and a deploy that wasn't hurt can end
_SIGNALS_COME_WITHIN_S = 0.5
_MENDED, _UNHURT, _MISSED, _FAILED = OUTCOMES = ("mended", "unhurt", "missed", "FAILED")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen in one run."""

    seed: int
    injury: Injury
    moment: Moment
    state: State


@dataclass(frozen=True, slots=True)
class Result:
    """What has happened.

    Attributes:
        outcome: one of OUTCOMES.
        story: the exit codes and times.
        failures: what is wrong, and what the deploys said.
    """

    outcome: str
    story: str
    failures: tuple[str, ...] = ()


def plan(seed: int, where: str) -> Plan:
    """A run's injury, moment and state: each pair of the first two comes up as seeds go on."""
    deck = [(injury, moment) for injury in INJURIES for moment in MOMENTS]
    Random(0).shuffle(deck)
    injury, moment = deck[seed % len(deck)]
    return Plan(seed, injury, moment, Random(f"{seed} {where}").choice(moment.states))


def carry_out(planned: Plan, machine: Machine, stop: threading.Event) -> Result:
    """Hurts a deploy as planned, runs the next one and looks; again, if the moment didn't come."""
    _measure(planned, machine, stop)
    for attempt in range(_ATTEMPTS):
        random = Random(f"{planned.seed} {machine.where} {attempt}")
        with machine.database(planned.state.name, planned.state.make) as url:
            scene = Scene(machine, url, random, stop)
            scene.duration_s = machine.durations_s.get(planned.state.name, 0.0) / (attempt + 1)
            with closing(scene):
                try:
                    return _hurt_and_mend(planned, scene)
                except MissedError:
                    continue
    outcome = _FAILED if planned.moment.is_certain else _MISSED
    return Result(outcome, f"the moment didn't come in {_ATTEMPTS} deploys")


def _measure(planned: Plan, machine: Machine, stop: threading.Event) -> None:
    """Random moments are spread over the time that a deploy takes."""
    if planned.moment is not RANDOM or planned.state.name in machine.durations_s:
        return
    with (
        machine.database(planned.state.name, planned.state.make) as url,
        closing(Scene(machine, url, Random(0), stop)) as scene,
        scene.deploying() as scene.process,
    ):
        scene.wait_for("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'kc-db/%')")
        started = time.monotonic()
        scene.finish(scene.process)
        machine.durations_s[planned.state.name] = time.monotonic() - started


def _hurt_and_mend(planned: Plan, scene: Scene) -> Result:
    failures: list[str] = []
    planned.moment.prepare(scene)
    with scene.deploying() as scene.process:
        planned.moment.reach(scene)
        if scene.process.poll() is not None:
            raise MissedError
        planned.injury.strike(scene)
        said = scene.finish(scene.process, _PATIENCE_S)
        if said is None:
            scene.release()
            said = scene.finish(scene.process)
        if said is None:
            scene.process.kill()
    if planned.injury.hits_server:
        scene.machine.restart()
        scene.after_restart()
    hurt = scene.process.returncode
    failures += _wrong_with("the hurt deploy", said)
    if hurt not in (0, *planned.injury.exits):
        failures.append(f"the hurt deploy exits {hurt}, which {planned.injury.name} doesn't explain")
    if hurt == 0:
        failures += [f"a success that is none: {wrong}" for wrong in complaints(scene.url, planned.state)]
    started = time.monotonic()
    code, said_next = _deploy_again(scene)
    story = f"exit {hurt}, then {code} in {time.monotonic() - started:.1f} s"
    failures += _wrong_with("the next deploy", said_next)
    if code:
        failures.append("the next deploy doesn't succeed")
    failures += complaints(scene.url, planned.state)
    if failures:
        return Result(_FAILED, story, (*failures, _quoted("hurt", said), _quoted("next", said_next)))
    return Result(_UNHURT if hurt == 0 else _MENDED, story)


def _deploy_again(scene: Scene) -> tuple[int, str | None]:
    """Whoever held the first one up goes while the second one is under way."""
    with start("upgrade", "head", url=scene.url) as process:
        scene.sleep(scene.random.uniform(0, 2))
        scene.release()
        said = scene.finish(process)
        if said is None:
            process.kill()
    return process.returncode, said


def _wrong_with(who: str, said: str | None) -> Iterator[str]:
    if said is None:
        yield f"{who} hangs"
    elif "Traceback" in said:
        yield f"{who} shows a traceback"


def _quoted(who: str, said: str | None) -> str:
    return "\n".join(f"    {who} | {line}" for line in (said or "").splitlines()[-25:])


def main() -> None:
    """Prints a line per run, and a table."""
    options = parser(__doc__.partition("\n")[0] if __doc__ else "")
    options.add_argument("--runs", type=int, default=100, help="on each server")
    arguments = options.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    failed: list[str] = []
    started = time.monotonic()

    def work(machine: Machine, stop: threading.Event) -> None:
        for seed in range(arguments.seed, arguments.seed + arguments.runs):
            planned = plan(seed, machine.where)
            result = _tried(planned, machine, stop)
            line = (
                f"--postgres {machine.where} --seed {seed} --runs 1: {planned.injury.name} @ "
                f"{planned.moment.name}, {planned.state.name}: {result.outcome} ({result.story})"
            )
            print("\n".join([line, *result.failures]), flush=True)
            name = f"{planned.injury.name} @ {planned.moment.name}"
            for row in (name, f"PostgreSQL {machine.where}", f"any: {planned.injury.name}"):
                counts[row, result.outcome] += 1
            if result.outcome == _FAILED:
                failed.append(line)

    try:
        on_each(servers_of(arguments), arguments.jobs, work)
    finally:
        _report(counts, failed, time.monotonic() - started)
    sys.exit(1 if failed else 0)


def _tried(planned: Plan, machine: Machine, stop: threading.Event) -> Result:
    try:
        result = carry_out(planned, machine, stop)
    except (psycopg.Error, OSError, subprocess.SubprocessError, RuntimeError) as error:
        result = Result(_FAILED, f"{type(error).__name__}: {error}")
        if not stop.wait(_SIGNALS_COME_WITHIN_S):
            machine.restart()  # it may have been left crashed
    if stop.is_set():
        raise StoppedError  # Ctrl-C reaches the deploys as well
    return result


def _report(counts: Counter[tuple[str, str]], failed: list[str], duration_s: float) -> None:
    of_pairs = Counter({key: n for key, n in counts.items() if " @ " in key[0]})
    of_sums = Counter({key: n for key, n in counts.items() if " @ " not in key[0]})
    print()
    print("\n".join(table(of_pairs, OUTCOMES)))
    print()
    print("\n".join(list(table(of_sums, OUTCOMES))[:-1]))
    print(f"\n{sum(of_pairs.values())} runs in {duration_s:.0f} s, {len(failed)} failed")
    print("\n".join(failed))


if __name__ == "__main__":
    main()
