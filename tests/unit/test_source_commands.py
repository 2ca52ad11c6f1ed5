"""How many processes a command line starts."""

import pytest

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._commands import processes_of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("gunicorn", "-w", "8", "app:app"), ("-w", 8)),
        (("gunicorn", "-w8", "app:app"), ("-w", 8)),
        (("/usr/local/bin/gunicorn", "--workers=9", "app:app"), ("--workers", 9)),
        (("python", "-m", "uvicorn", "app:app", "--workers", "4"), ("--workers", 4)),
        (("sh", "-c", "exec gunicorn --workers 3 app:app"), ("--workers", 3)),
        (("pm2-runtime", "start", "app.js", "-i", "2"), ("-i", 2)),
        (("uwsgi", "--processes", "6"), ("--processes", 6)),
        (("puma", "-w", "2", "-t", "5:5"), ("-w", 2)),
        (("gunicorn", "app:app"), None),
        (("node", "server.js", "-w", "8"), None),
        (("echo", "it's"), None),
        (("gunicorn", "-w"), None),
        ((), None),
    ],
)
def test_processes(words: tuple[str, ...], expected: tuple[str, int] | None) -> None:
    assert processes_of(words) == expected


@pytest.mark.parametrize("count", ["$(nproc)", "max", "0", "-1", "1.5", "9999999"])
def test_a_number_that_nobody_can_tell(count: str) -> None:
    found = processes_of(("gunicorn", "--workers", count))
    assert found is not None
    assert isinstance(found[1], Unknown)
