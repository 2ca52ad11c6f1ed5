"""How many processes a command line starts: gunicorn -w 8, uvicorn --workers 4, pm2 start app.js -i 2."""

import re
import shlex
from collections.abc import Sequence

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.sources import Unknown

# By program: the options that say how many processes it starts. Each program's own manual.
_OPTIONS = {
    "gunicorn": ("-w", "--workers"),
    "uvicorn": ("--workers",),
    "hypercorn": ("-w", "--workers"),
    "granian": ("--workers",),
    "fastapi": ("--workers",),
    "puma": ("-w", "--workers"),
    "uwsgi": ("-p", "--processes", "--workers"),
    "pm2": ("-i", "--instances"),
    "pm2-runtime": ("-i", "--instances"),
    "celery": ("-c", "--concurrency"),
}
_CONFIGURATION = re.compile(
    r"gunicorn[\w.-]*\.py$|\.conf\.py$|ecosystem[\w.-]*\.(?:config\.)?(?:c?js|json)$|puma\.rb$|\.ini$"
)
_NUMBER = re.compile("[0-9]{1,6}")


def processes_of(words: Sequence[str]) -> tuple[str, int | Unknown] | None:
    """The option that says it, and its number; None if no known program says any.

    Of an option that is there twice the last one counts. Several such programs in one script, and a
    configuration file that may say it, can't be told.

    Args:
        words: entry point and command; a text with spaces is a shell's script.
    """
    parts = [part for word in words for part in _split(word)]
    programs = [name for part in parts if (name := part.rpartition("/")[2]) in _OPTIONS]
    if len(programs) > 1:
        return programs[0], Unknown(f"its command starts {' and '.join(programs)}")
    options = [option for program in programs for option in _OPTIONS[program]]
    found = [said for number in range(len(parts)) if (said := _said(parts, number, options))]
    if found:
        return found[-1]
    file = next((part for part in parts if programs and _CONFIGURATION.search(part)), None)
    if file is not None:
        return programs[0], Unknown(f"{file} may say how many processes {programs[0]} starts")
    if "celery" in programs and "worker" in parts:
        return "celery", Unknown("celery starts a process for each CPU, unless --concurrency says otherwise")
    return None


def _said(parts: Sequence[str], number: int, options: Sequence[str]) -> tuple[str, int | Unknown] | None:
    part = parts[number]
    name, equals, value = part.partition("=")
    if equals and name in options:
        return name, _count(value, name)
    if part in options and number + 1 < len(parts):
        return part, _count(parts[number + 1], part)
    short = next((one for one in options if len(one) == len("-w") and part.startswith(one)), None)
    if short and _NUMBER.fullmatch(part.removeprefix(short).removeprefix("=")):
        return short, _count(part.removeprefix(short).removeprefix("="), short)
    return None


def _split(word: str) -> list[str]:
    try:
        return shlex.split(word)
    except ValueError:  # a quote that isn't closed
        return word.split()


def _count(text: str, option: str) -> int | Unknown:
    number = int(text) if _NUMBER.fullmatch(text) else 0
    if 1 <= number <= MAXIMUM_MAX_CONNECTIONS:
        return number
    return Unknown(
        f"{option} of its command is no number that can be told (one process for each CPU, perhaps)"
    )
