"""Values of a compose file: interpolation, environments, env files.

A `.env` beside the file is read. What the shell would put in is not: it differs from machine to machine. The
default counts, where there is one. Sources:

- https://docs.docker.com/reference/compose-file/interpolation/
- https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/, "env-file syntax"
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeAlias

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._yaml import Field
from kc_db.toml.read import read_text

Variables: TypeAlias = dict[str, str | Unknown]

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*))", re.ASCII)
_DEEPEST = 50
_dotenv: ContextVar[Mapping[str, str]] = ContextVar("dotenv", default={})  # noqa: B039 - never changed
_ENV_LINE = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*(?P<assigned>[=:]\s*(?P<value>.*))?", re.ASCII
)


def interpolated(text: str) -> str | Unknown:
    """The text with the default of each ${VARIABLE:-default}.

    Unknown says what a variable without a default does: "comes from ${REPLICAS}, which has no default".
    """
    parts, position = [], 0
    for _ in range(len(text) + 1):
        match = _VARIABLE.search(text, position)
        if match is None:
            break
        parts.append(text[position : match.start()])
        if match["escaped"]:
            value, position = "$", match.end()
        elif match["plain"]:
            plain = _unset(match["plain"])
            if isinstance(plain, Unknown):
                return plain
            value, position = plain, match.end()
        else:
            end = _closing(text, match.end())
            value_or_not = _defaulted(match["braced"], text[match.end() : end])
            if isinstance(value_or_not, Unknown):
                return value_or_not
            value, position = value_or_not, end + 1
        parts.append(value)
    return "".join([*parts, text[position:]])


@contextmanager
def dotenv_beside(file: str) -> Iterator[None]:
    """While it lasts, variables that the `.env` in the compose file's folder sets have its values.

    Raises:
        InputError: it can't be read.
    """
    path = Path(file).parent / ".env"
    token = _dotenv.set(dict(_lines_of(path)) if path.is_file() else {})
    try:
        yield
    finally:
        _dotenv.reset(token)


def _lines_of(path: Path) -> Iterator[tuple[str, str]]:
    for line in read_text(str(path), if_missing="no such file").splitlines():
        match = _ENV_LINE.fullmatch(line)
        if match and match["assigned"] and not line.lstrip().startswith("#"):
            yield match["name"], (match["value"] or "").split(" #")[0].strip().strip("'\"")


def _unset(name: str) -> str | Unknown:
    known = _dotenv.get().get(name)
    return Unknown(f"comes from ${{{name}}}, which has no default") if known is None else known


def _closing(text: str, start: int) -> int:
    """Where the brace closes that is open before `start`; the end of the text if it doesn't."""
    depth = 1
    for position in range(start, len(text)):
        if text.startswith("${", position):
            depth += 1
        elif text[position] == "}":
            depth -= 1
        if not depth:
            return position
    return len(text)


def _defaulted(name: str, operation: str) -> str | Unknown:
    """What the rest of a braced expression says: :-default or -default; nothing else could be known."""
    if _dotenv.get().get(name):
        return _unset(name)
    for operator in (":-", "-"):
        if operation.startswith(operator):
            default = operation.removeprefix(operator)
            if default.count("${") > _DEEPEST:
                return _unset(name)
            return interpolated(default)
    return _unset(name)


def text_of(field: Field) -> str | Unknown | None:
    """A scalar of the file, interpolated; None if nothing stands there."""
    text = field.text()
    return None if text is None else interpolated(text)


def environment(field: Field) -> Iterator[tuple[str, str | Unknown]]:
    """The variables of an `environment`, a mapping or a list of NAME=value.

    Raises:
        InputError: it is neither, or a value is no scalar.
    """
    if isinstance(field.value, list):
        for member in field.sequence():
            name, assigned, value = (member.text() or "").partition("=")
            yield name, interpolated(value) if assigned else _from_shell()
        return
    for name, member in field.mapping().items():
        value_or_not = text_of(member)
        yield name, _from_shell() if value_or_not is None else value_or_not


def _from_shell() -> Unknown:
    return Unknown("comes from the shell that starts compose")


def env_files(field: Field) -> Iterator[tuple[str, bool]]:
    """The files of an `env_file`: their paths, and whether they have to be there.

    A path that can't be told is given as it is written, so that no such file is found.
    """
    members = field.sequence() if isinstance(field.value, list) else [field]
    for member in members:
        is_long = isinstance(member.value, dict)
        path = (member.at("path") if is_long else member).text()
        required = member.at("required").text() if is_long else None
        if path is not None:
            known = interpolated(path)
            yield path if isinstance(known, Unknown) else known, required != "false"


def read_env_file(path: Path) -> Variables | None:
    """The variables of an env file; None if it isn't there, or can't be read as text."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError):
        return None
    matches = (_ENV_LINE.fullmatch(line) for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {
        match["name"]: _unquoted(match["value"].strip()) if match["assigned"] else _from_shell()
        for match in matches
        if match
    }


def _unquoted(value: str) -> str | Unknown:
    """The value of a line: a quoted one up to its quote, any other up to a comment."""
    for quote in ("'", '"'):
        if value.startswith(quote):
            inner = value[1:].partition(quote)[0]
            return inner if quote == "'" else interpolated(inner)
    return interpolated(re.split(r"\s#|^#", value, maxsplit=1)[0].rstrip())


def count_of(field: Field) -> int | Unknown | None:
    """A number of things; a text of digits is one, as interpolation gives it. None if nothing stands there.

    Raises:
        InputError: it is none.
    """
    if not isinstance(field.value, str):
        return field.count()
    text = interpolated(field.value)
    if isinstance(text, Unknown):
        return text
    if text == "":
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        raise field.error("must be a whole number")
    return Field(int(text), field.steps, field.file, field.number).count()
