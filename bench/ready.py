"""How long does a probe take? `kc-db check-ready` with all its questions beside a bare connection."""

import os
import statistics
import sys
from pathlib import Path

import psycopg
from startup import BIN, ROUNDS, run

from kc_db.embedded import running

LIMIT_MS = 500
YARDSTICK = "import psycopg; psycopg.connect().execute('SELECT 1')"


def main() -> None:
    """Times both in turn and prints the ratio of their medians."""
    command = [str(BIN / "kc-db"), "check-ready"]
    yardstick = [sys.executable, "-c", YARDSTICK]
    with running(Path(".kc-db/bench")) as conninfo:
        parameters = psycopg.conninfo.conninfo_to_dict(conninfo)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        os.environ.update({variable: str(parameters[name]) for variable, name in names.items()})
        os.environ.pop("DATABASE_URL", None)
        run([str(BIN / "alembic"), "upgrade", "head"])
        run(command)
        run(yardstick)
        pairs = [(run(command), run(yardstick)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
    print(
        f"kc-db check-ready: {ours:.0f} ms (limit {LIMIT_MS}); python -c 'import psycopg; connect': "
        f"{theirs:.0f} ms; ratio {ours / theirs:.2f}"
    )


if __name__ == "__main__":
    main()
