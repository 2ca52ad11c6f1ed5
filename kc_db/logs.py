"""Remarks on stderr: for people, or one JSON object per line, each with the run's correlation id."""

import logging
import os
import sys
import uuid
from typing import TextIO

from kc_db.errors import InputError

log = logging.getLogger("kc_db")
LOG_FORMATS = ("text", "json")

_MAXIMUM_ID_LENGTH = 36  # application_name holds 63 bytes, and the command's name stands before the id


def correlation_id(given: str | None = None) -> str:
    """The id that follows a run: the given one, else the environment's CORRELATION_ID, else a new one.

    Raises:
        InputError: the id is too long for application_name or holds unprintable or non-ASCII characters.
    """
    chosen = given or os.environ.get("CORRELATION_ID") or uuid.uuid4().hex[:12]
    if len(chosen) > _MAXIMUM_ID_LENGTH or not (chosen.isascii() and chosen.isprintable()):
        raise InputError(
            f"the correlation id has to be at most {_MAXIMUM_ID_LENGTH} printable ASCII characters, "
            "so that PostgreSQL's application_name can carry it"
        )
    return chosen


def configure_logs(log_format: str, run_id: str, *, level: int = logging.INFO) -> None:
    """Sends this process's remarks to stderr, as `text` or as `json`.

    Raises:
        InputError: there is no such format.
    """
    if log_format not in LOG_FORMATS:
        raise InputError(f"the log format is {' or '.join(LOG_FORMATS)}, not {log_format!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_news)
    if log_format == "json":
        from pythonjsonlogger.json import JsonFormatter

        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                static_fields={"correlation_id": run_id},
            )
        )
    else:
        handler.setFormatter(logging.Formatter(f"kc-db [{run_id}] %(message)s"))
    for name in ("kc_db", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


def log_terminal() -> "logging.StreamHandler[TextIO] | None":
    """Writes the remarks onto a terminal, for people; None where a file, a pipe or a program gets them."""
    for handler in log.handlers:
        if (
            isinstance(handler, logging.StreamHandler)
            and type(handler.formatter) is logging.Formatter
            and os.environ.get("TERM") != "dumb"
            and handler.stream.isatty()
        ):
            return handler
    return None


def _is_news(record: logging.LogRecord) -> bool:
    """Of Alembic's remarks a deploy needs which revision runs, not which plugins were set up."""
    of_alembic = record.name.startswith("alembic")
    return not of_alembic or record.levelno >= logging.WARNING or str(record.msg).startswith("Running")
