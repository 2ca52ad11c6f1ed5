"""How long does `kc-db check-pool-budget` take, as a whole process that writes every format?

In turn with `python -c 'import click, pydantic'`, which any command of that kind has to pay: the ratio says
the same on a slow machine.
"""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from timing import timed

from kc_db.report import FORMATS

ROUNDS = 15
SERVICES = 1_000
KC_DB = Path(sys.executable).parent / "kc-db"
SHIPPED = Path(__file__).parents[1] / "pool_budget.toml"
YARDSTICK = "python -c 'import click, pydantic'"
LIMITS_S = {"the shipped fleet": 0.4, f"{SERVICES:,} services": 2.0}


def main() -> None:
    """Prints the median of each side, and its ratio to the yardstick."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = folder / "large.toml"
        large.write_text(large_fleet(), encoding="utf-8")
        outputs = [f"--output={format_name}={folder / format_name}" for format_name in FORMATS]
        commands = {
            YARDSTICK: [sys.executable, "-c", "import click, pydantic"],
            "the shipped fleet": [str(KC_DB), "check-pool-budget", str(SHIPPED), *outputs],
            f"{SERVICES:,} services": [str(KC_DB), "check-pool-budget", str(large), *outputs],
        }
        for command in commands.values():
            run(command)  # compiles to bytecode what isn't yet
        medians_s = timed({side: partial(run, command) for side, command in commands.items()}, ROUNDS)
    print(f"{YARDSTICK}: {medians_s[YARDSTICK] * 1000:.0f} ms")
    for side, limit_s in LIMITS_S.items():
        took_s = medians_s[side]
        print(
            f"kc-db check-pool-budget, {side}, {', '.join(FORMATS)}: {took_s * 1000:.0f} ms "
            f"(limit {limit_s * 1000:.0f}); ratio {took_s / medians_s[YARDSTICK]:.2f}"
        )


def large_fleet() -> str:
    """Services of every size on three servers, of which two are too small for theirs."""
    servers = "".join(
        f"[databases.db-{number}]\nmax_connections = {size}\n"
        for number, size in enumerate((5_000, 10_000, 50_000))
    )
    services = "".join(
        f"[services.service-{number}]\ndatabase = 'db-{number % 3}'\npool_size = {1 + number % 20}\n"
        f"processes = {1 + number % 2}\ninstances = {{ min = 1, desired = 2, max = {2 + number % 7} }}\n"
        for number in range(SERVICES)
    )
    return f"[policy]\ndeploys_at_once = 3\nheadroom_percent = 10\n{servers}{services}"


def run(command: list[str]) -> None:
    """Runs a command that finds something or not; anything else would measure an error message."""
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stderr)


if __name__ == "__main__":
    main()
