"""The only module that opens a connection: where to, as whom, under which name; secrets never leave it."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kc_db.errors import InputError, ServerError

if TYPE_CHECKING:
    import psycopg

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_EMBEDDED = "embedded:"
_DEFAULT_EMBEDDED_FOLDER = Path(".kc-db/postgres")
_LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")  # a role or a port names none
_CONNECT_TIMEOUT_S = 10
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,19}")  # a longer 'scheme' may be a mistyped secret
_HIGHEST_PORT = 65_535
_FORM = (
    "its form is postgresql://user:password@host:5432/database, "
    "with special characters percent-encoded (@ is %40, / is %2F, : is %3A)"
)
_ADVICE = {
    "42501": "; connect as the table's owner, or have its owner GRANT what is missing",
    "55P03": "; another session holds it: run this again when that has ended",
}
_HOW_TO_SET = (
    "set DATABASE_URL=postgresql://user@host/database (or --database-url, or libpq's PGHOST, PGDATABASE, "
    "PGSERVICE), or DATABASE_URL=embedded: for a local server from pip"
)


Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


@dataclass(frozen=True, slots=True)
class Target:
    """A database to look at.

    Attributes:
        label: how to name it in output, without secrets.
        conninfo: what libpq connects with; may hold a password, so it is never shown.
        embedded_folder: where the local server from pip keeps its files, if it is one.
    """

    label: str
    conninfo: str = field(repr=False)
    embedded_folder: Path | None = None


def find_target(url: str | None, environment: Mapping[str, str] = os.environ) -> Target:
    """The database that a URL, or libpq's own variables, name.

    Raises:
        InputError: nothing names a database, or the URL is not one.
    """
    url = (url or "").strip()  # a secret's file often ends in a newline
    if not url:
        if not any(environment.get(name) for name in _LIBPQ_VARIABLES):
            raise InputError(f"no database is named; {_HOW_TO_SET}")
        return Target(_label(_environment_parameters(environment)), "")
    if url.startswith(_EMBEDDED):
        folder = Path(url.removeprefix(_EMBEDDED) or _DEFAULT_EMBEDDED_FOLDER)
        return Target(url, "", folder.absolute())
    conninfo, parameters = _parse(url)
    return Target(_label(parameters), conninfo)


@contextmanager
def served(target: Target) -> Iterator[str]:
    """What libpq connects with while the target's server runs.

    An embedded server is started for it, and stopped when its last user has left.
    """
    if target.embedded_folder is None:
        yield target.conninfo
        return
    from kc_db.embedded import running

    with running(target.embedded_folder) as conninfo:
        yield conninfo


@contextmanager
def connect(target: Target, command: str, correlation_id: str) -> Iterator[Connection]:
    """A connection in autocommit mode, closed at the end, while the target's server runs.

    Raises:
        ServerError: the server can't be reached or refuses, or a statement failed and nobody caught it.
    """
    with (
        served(target) as conninfo,
        translated_errors(conninfo, target.label),
        open_connection(conninfo, command, correlation_id) as connection,
    ):
        connection.autocommit = True
        yield connection


def open_connection(conninfo: str, command: str, correlation_id: str) -> Connection:
    """A connection named `kc-db/<command> <correlation id>` in pg_stat_activity; the caller closes it.

    Raises:
        psycopg.Error: the server can't be reached or refuses.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    defaults: dict[str, Any] = {"connect_timeout": _CONNECT_TIMEOUT_S}
    if "PGCONNECT_TIMEOUT" in os.environ or "connect_timeout" in conninfo_to_dict(conninfo):
        defaults = {}
    return psycopg.connect(conninfo, application_name=f"kc-db/{command} {correlation_id}", **defaults)


@contextmanager
def translated_errors(conninfo: str, label: str) -> Iterator[None]:
    """Turns psycopg's errors into one line without secrets.

    Raises:
        ServerError: psycopg raised inside.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise ServerError(explain_error(error, conninfo, label)) from error


@contextmanager
def second_connection(connection: Connection, purpose: str) -> Iterator[Connection]:
    """Another connection to the same place as the same role, to watch what the first one does.

    Args:
        connection: the first one, from open_connection().
        purpose: stands in the command's place in application_name.

    Raises:
        psycopg.Error: the server can't be reached or refuses.
    """
    import psycopg

    _, _, correlation_id = (connection.info.parameter_status("application_name") or "").partition(" ")
    name = f"kc-db/{purpose} {correlation_id}"
    parameters = {**connection.info.get_parameters(), "application_name": name}
    if connection.info.password:
        parameters["password"] = connection.info.password
    # type: ignore, because psycopg types each keyword argument, and libpq's come as one mapping
    with closing(psycopg.connect(**parameters, autocommit=True)) as another:  # type: ignore[arg-type]
        yield another


def explain_error(error: "psycopg.Error", conninfo: str, label: str) -> str:
    """One line on what the server or libpq said, without secrets, and what to do next."""
    from psycopg import errors

    text = _redact(_said(error), conninfo)
    if isinstance(error, errors.OperationalError) and error.sqlstate is None:
        reason = text.removeprefix("connection failed: ")
        if "FATAL: " not in text:
            return f"can't reach {label}: {reason}; check host, port, user and database"
        advice = "; check user and password" if "password" in text else ""
        return f"{label} refuses: {reason}{advice}"
    return f"{label}: {text}{_ADVICE.get(error.sqlstate or '', '')}"


def _said(error: "psycopg.Error") -> str:
    """What the server said, without the statement that it points into; else libpq's lines, as one."""
    parts = (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)
    lines = [part for part in parts if part] or str(error).splitlines()
    return "; ".join(stripped for line in lines if (stripped := " ".join(line.split())))


def _redact(text: str, conninfo: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    parameters = conninfo_to_dict(conninfo)
    secrets = (parameters.get("password"), parameters.get("sslpassword"), os.environ.get("PGPASSWORD"))
    for secret in filter(None, secrets):
        text = text.replace(str(secret), "***")
    return text


def _parse(url: str) -> tuple[str, Mapping[str, object]]:
    """The conninfo for libpq and its parts; no error shows any of the URL but its scheme."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        word = url.partition(":")[0]
        close = get_close_matches(scheme, _SCHEMES, n=1) if separator else ()
        hint = f"did you mean {close[0]}://?" if close else _HOW_TO_SET
        if not separator and get_close_matches(word, [_EMBEDDED.rstrip(":")], n=1):
            hint = f"did you mean {_EMBEDDED}?"
        shown = f"scheme {scheme!r}" if separator and _SCHEME.fullmatch(scheme) else "no scheme"
        raise InputError(f"the database URL has {shown}, which is not PostgreSQL's; {hint}")
    conninfo = f"postgresql://{rest}"
    try:
        parameters = conninfo_to_dict(conninfo)
    except ProgrammingError:
        raise InputError(f"the database URL can't be parsed; {_FORM}") from None
    _refuse_misread(rest, str(parameters.get("port") or ""))
    return conninfo, parameters


def _refuse_misread(rest: str, port: str) -> None:
    """A password with a bare @, / or ? in it is taken for a host, port or database, and would be shown."""
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    if rest.count("@") > 1 or rest.count("@") > authority.count("@"):
        raise InputError(f"the database URL has an @ in the wrong place; {_FORM}")
    if not all(one.isdecimal() and 0 < int(one) <= _HIGHEST_PORT for one in port.split(",") if one):
        raise InputError(f"the database URL's port isn't a number from 1 to {_HIGHEST_PORT}; {_FORM}")


def _label(parameters: Mapping[str, object]) -> str:
    get = parameters.get
    if get("service"):
        return f"service {get('service')}"
    user = f"{get('user')}@" if get("user") else ""
    port = f":{get('port')}" if get("port") else ""
    return f"postgresql://{user}{get('host') or 'localhost'}{port}/{get('dbname') or ''}"


def _environment_parameters(environment: Mapping[str, str]) -> Mapping[str, object]:
    return {
        "service": environment.get("PGSERVICE"),
        "user": environment.get("PGUSER"),
        "host": environment.get("PGHOST") or environment.get("PGHOSTADDR"),
        "port": environment.get("PGPORT"),
        "dbname": environment.get("PGDATABASE"),
    }
