"""The command line: one module per command."""

import gc
import os
import signal
import sys
import threading
import traceback
from importlib import import_module
from typing import NoReturn

import click

from kc_db.errors import KcDbError

# kc-db's models have no plugins, and looking for some reads the metadata of every package that is installed.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

_SIGNAL = 128  # a shell reports a signal as 128 and its number
_GRACE_S = 10.0  # of the 30 s that ECS gives
_signals: list[int] = []


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from kc_db import __version__

        click.echo(f"kc-db {__version__}")
        context.exit()


class _Commands(click.Group):
    """Commands by their names; a module is imported when its command is asked for: others start fast."""

    names = (
        "verify-indexes",
        "repair-indexes",
        "lock-specs",
        "plan-migrations",
        "check-pool-budget",
        "enforce-pool-budget",
        "check-ready",
        "explain-rule",
    )

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.names)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in self.names:
            return None
        function = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"kc_db.cli.{function}"), function)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and stop.",
)
def commands() -> None:
    """Keep a PostgreSQL fleet's indexes and connections right.

    \b
    Exit codes, of every command:
      0  looked, and all is well
      1  looked, and there are findings at or above --fail-on
      2  bad usage or bad input: nothing was looked at
      3  could not look, or could not decide
    """  # noqa: D301 - click reads \b, a raw docstring would print it


def main() -> None:
    """Entry point of the console script: errors become one line and their exit code."""
    gc.disable()  # a command's objects live as long as it does; collecting them took a fifth of the time
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # a shell's job in the background ignores it
        signal.signal(signal.SIGINT, _terminate)
    try:
        sys.exit(commands(prog_name="kc-db", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KcDbError as error:
        if _signals:  # cleaning up failed over it
            _end_stopped()
        _end(str(error), error.exit_code)
    except click.Abort:
        _end_stopped()
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, and the interpreter would complain of it
        sys.exit(_SIGNAL + signal.SIGPIPE)
    except OSError as error:
        _end(f"the report can't be written: {error.strerror}", KcDbError.exit_code)
    except Exception:  # noqa: BLE001 - whatever it is, it is no finding, and 1 would say that it were
        if _signals:
            _end_stopped()
        traceback.print_exc()
        _end("kc-db has a defect; please report the lines above", KcDbError.exit_code)
    finally:
        gc.freeze()  # else the interpreter, as it ends, looks at every object once more


def _terminate(number: int, _frame: object) -> NoReturn:
    """SIGTERM, as ECS sends it: psycopg cancels the running statement on a KeyboardInterrupt."""
    signal.signal(number, signal.SIG_DFL)  # a second one doesn't wait for a clean end
    _signals.append(number)
    # Should cleaning up hang on a connection that was left in the middle, the process ends all the same; the
    # server sees that within client_connection_check_interval, and cancels.
    watchdog = threading.Timer(_GRACE_S, os._exit, (_SIGNAL + number,))
    watchdog.daemon = True
    watchdog.start()
    raise KeyboardInterrupt


def _end_stopped() -> NoReturn:
    number = signal.Signals(_signals[-1]) if _signals else signal.SIGINT
    _end(f"stopped by {number.name}; run it again: whatever is half done is mended then", _SIGNAL + number)


def _end(message: str, exit_code: int) -> NoReturn:
    click.echo(f"{click.style('error', fg='red', bold=True)}: {message}", err=True)
    sys.exit(exit_code)
