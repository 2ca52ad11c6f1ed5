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
}
_NUMBER = re.compile("[0-9]{1,6}")


def processes_of(words: Sequence[str]) -> tuple[str, int | Unknown] | None:
    """The option that says it, and its number; None if no known program says any.

    Args:
        words: entry point and command; a text with spaces is a shell's script.
    """
    parts = [part for word in words for part in _split(word)]
    programs = {part.rpartition("/")[2] for part in parts}
    options = [option for program in programs & _OPTIONS.keys() for option in _OPTIONS[program]]
    for number, part in enumerate(parts):
        name, equals, value = part.partition("=")
        if equals and name in options:
            return name, _count(value, name)
        if part in options and number + 1 < len(parts):
            return part, _count(parts[number + 1], part)
        short = next((one for one in options if len(one) == len("-w") and part.startswith(one)), None)
        if short and _NUMBER.fullmatch(part.removeprefix(short)):
            return short, _count(part.removeprefix(short), short)
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
