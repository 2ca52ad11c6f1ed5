"""Reads a TOML file; whatever keeps it from being one is told with its place."""

import re
import tomllib
from pathlib import Path

from kc_db.errors import InputError

_TOML_POSITION = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$"
)


def read_text(file: str, *, if_missing: str) -> str:
    """The file's text.

    Args:
        file: its name.
        if_missing: what the error says where there is no such file.

    Raises:
        InputError: it isn't there, can't be read, or is no UTF-8.
    """
    try:
        content = Path(file).read_bytes()
    except FileNotFoundError:
        raise InputError(if_missing, file=file) from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=file) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        raise InputError(
            f"not UTF-8: byte 0x{content[error.start]:02x}; save the file as UTF-8",
            file=file,
            line=before.count(b"\n") + 1,
            column=len(before[line_start:].decode("utf-8-sig")) + 1,
        ) from None


def parse(file: str, text: str, *, what: str) -> dict[str, object]:
    """The document that a text is.

    Args:
        file: where it comes from.
        text: as `read_text` gives it.
        what: what it should be, as an error says it.

    Raises:
        InputError: it is no TOML, or none that Python can hold.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(file, text, str(error)) from None
    except RecursionError:
        raise InputError(f"not a {what}: tables or lists are nested too deep", file=file) from None
    except ValueError:  # Python converts no more than some thousand digits
        raise InputError(f"not a {what}: it holds a number of thousands of digits", file=file) from None


def _syntax_error(file: str, text: str, message: str) -> InputError:
    position = _TOML_POSITION.match(message)
    what = position["what"] if position else message
    if position and position["line"]:
        line, column = int(position["line"]), int(position["column"])
    else:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return InputError(f"not TOML: {what[0].lower()}{what[1:]}", file=file, line=line, column=column)
