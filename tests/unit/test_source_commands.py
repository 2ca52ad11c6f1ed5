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
        (("uvicorn", "app", "--workers", "1", "--workers", "8"), ("--workers", 8)),
        (("gunicorn", "-w4", "--workers=8", "app"), ("--workers", 8)),
        (("celery", "-A", "p", "worker", "--concurrency=8"), ("--concurrency", 8)),
        (("celery", "-A", "p", "beat"), None),
        ((), None),
    ],
)
def test_processes(words: tuple[str, ...], expected: tuple[str, int] | None) -> None:
    assert processes_of(words) == expected


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn -w 2 app & gunicorn -w 5 admin & wait",
        "gunicorn -c gunicorn.conf.py app",
        "pm2-runtime ecosystem.config.js",
        "celery -A p worker",
    ],
)
def test_a_command_that_nobody_can_tell(command: str) -> None:
    found = processes_of(("sh", "-c", command))
    assert found is not None
    assert isinstance(found[1], Unknown)


@pytest.mark.parametrize("count", ["$(nproc)", "max", "0", "-1", "1.5", "9999999"])
def test_a_number_that_nobody_can_tell(count: str) -> None:
    found = processes_of(("gunicorn", "--workers", count))
    assert found is not None
    assert isinstance(found[1], Unknown)
