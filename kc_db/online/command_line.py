"""How an `alembic` command ends that something stopped: one line on stderr, and kc-db's exit code."""

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from alembic.util import CommandError

from kc_db.errors import InputError, KcDbError
from kc_db.logs import log

_SIGNAL = 128  # a shell reports a signal as 128 and its number


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as ECS sends it: psycopg cancels the running statement on a KeyboardInterrupt only."""


@contextmanager
def ends_the_command(arguments: Namespace) -> Iterator[None]:
    """Ends the process where kc-db, Alembic or a signal stops what runs inside.

    Args:
        arguments: Alembic's; --raiseerr asks for the traceback.

    Raises:
        SystemExit: something stopped it.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except (KcDbError, CommandError) as error:
        if getattr(arguments, "raiseerr", False):
            raise
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # it came, and cleaning up failed over it
            _end(_stopped_by("SIGTERM"), _SIGNAL + signal.SIGTERM)
        _end(str(error), error.exit_code if isinstance(error, KcDbError) else InputError.exit_code)
    except _Terminated:
        _end(_stopped_by("SIGTERM"), _SIGNAL + signal.SIGTERM)
    except KeyboardInterrupt:
        _end(_stopped_by("Ctrl-C"), _SIGNAL + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one doesn't wait for a clean end
    raise _Terminated


def _stopped_by(what: str) -> str:
    return f"stopped by {what}; run it again: whatever is half done is mended then"


def _end(message: str, exit_code: int) -> NoReturn:
    if log.handlers and os.environ.get("KC_DB_LOG_FORMAT") == "json":
        log.error("%s", message)
    else:
        sys.stderr.write(f"error: {message}\n")
    sys.exit(exit_code)
