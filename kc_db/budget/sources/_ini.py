"""PgBouncer's two files: how pgbouncer.ini and the list of users in auth_file are written.

Neither is any other tool's format, so there is no library: quotes belong to single values, `;` and `#` begin
a comment only where a line begins, `%include` may stand anywhere, and a section goes on through it. All of
that was tried on PgBouncer 1.18, 1.24 and 1.26. They also refuse quoted names of databases, of which the
manual speaks.

Errors never show what a file holds, which may be a password.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kc_db.errors import InputError
from kc_db.toml.complaints import printable, suggest

MAIN = "pgbouncer"
_SECTIONS = (MAIN, "databases", "users", "peers")
_DEEPEST_INCLUDE = 10  # as in PgBouncer
_TOKEN = re.compile(
    r"[ \t\n\v\f\r]+"
    r"|[#;][^\n]*"
    r"|%include[ \t]+(?P<include>[^\n]*)"
    r"|\[(?P<section>[^\]\n]*)\]"
    r"|(?P<name>[A-Za-z0-9_.*-]+)[ \t]*=[ \t]*(?P<value>[^\n]*)"
)
_PAIR = re.compile(
    r" *(?P<key>[^= ]+) *= *(?:'(?P<quoted>(?:[^']|'')++)'|(?P<plain>[^' ][^ ]*)).?", re.DOTALL
)
_USER = re.compile(
    r"[ \t\n\v\f\r]+"
    r"|;[^\n]*"
    r"|\"(?P<name>(?:[^\"]|\"\")*+)\"[^\"]*\"(?:[^\"]|\"\")*+\"[^\n]*"
)
# C's strtol() with base 0 for settings, its atoi() for what stands in a connection string.
_SETTING = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_LEADING = re.compile(r"[ \t\n\v\f\r]*([-+]?[0-9]+)")
_LONGEST_NUMBER = 12
_BITS = 31
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Text:
    """A value, and where it stands.

    Attributes:
        text: as it is written; it may hold a password.
        file: the file, which may be an included one.
        line: 1-based.
    """

    text: str = field(repr=False)
    file: str
    line: int

    def error(self, message: str) -> InputError:
        """What is wrong with it."""
        return InputError(message, file=self.file, line=self.line)

    def setting(self, name: str) -> int:
        """A number of the section [pgbouncer]; hexadecimal and octal ones are numbers, too.

        Raises:
            InputError: PgBouncer would refuse it, or it has more than 32 bits.
        """
        found = _SETTING.fullmatch(self.text)
        if not found:
            raise self.error(
                f"{name} must be a whole number; write one, or fill in the template before kc-db reads it"
            )
        sign, hexadecimal, octal, decimal = found.groups()
        base = 16 if hexadecimal else 8 if octal else 10
        return self._held(name, sign + (hexadecimal or octal or decimal), base)

    def leading(self, name: str) -> int:
        """A number of a connection string, of which PgBouncer reads the leading digits: 2.5 is 2.

        Raises:
            InputError: there are none, which PgBouncer silently takes for 0, or it has more than 32 bits.
        """
        found = _LEADING.match(self.text)
        if not found:
            raise self.error(
                f"{name} must be a whole number, PgBouncer takes this for 0; "
                "write one, or fill in the template before kc-db reads it"
            )
        return self._held(name, found[1], 10)

    def _held(self, name: str, digits: str, base: int) -> int:
        number = int(digits, base) if len(digits) <= _LONGEST_NUMBER else 1 << _BITS
        if not -(1 << _BITS) <= number < 1 << _BITS:
            raise self.error(f"{name} is more than PgBouncer can hold; it must be less than {1 << _BITS}")
        return number

    def pairs(self, what: str) -> dict[str, "Text"]:
        """The key=value pairs of a connection string; the last one counts where there are several.

        Args:
            what: how an error names it: "databases.orders".

        Raises:
            InputError: it has another form.
        """
        found: dict[str, Text] = {}
        position = 0
        text = self.text.rstrip(" ")
        while position < len(text):
            pair = _PAIR.match(text, position)
            if pair is None:
                message = f"{what} isn't key=value pairs; quote values with spaces as 'it''s so'"
                raise self.error(f"{message}, and give a comment a line of its own")
            value = pair["plain"] or pair["quoted"].replace("''", "'")
            found[pair["key"]] = Text(value, self.file, self.line)
            position = pair.end()
        return found


Lines = list[tuple[str, Text]]


def load_sections(file: str) -> dict[str, Lines]:
    """The lines of each section, in order, those of included files at their place.

    A second [pgbouncer] begins anew: PgBouncer then forgets what the first one said.

    Raises:
        InputError: a file can't be read, PgBouncer would refuse to start with it, or it has no [pgbouncer].
    """
    loader = _Loader(Path(file).parent)
    loader.load(Path(file), file)
    if MAIN not in loader.sections:
        raise InputError(
            f"no section [{MAIN}]; name the file that PgBouncer is started with, not one that it includes",
            file=file,
        )
    return loader.sections


@dataclass
class _Loader:
    """Reads a file and those that it includes.

    Attributes:
        folder: that of the first file.
        sections: what was read.
        section: the one that goes on.
    """

    folder: Path
    sections: dict[str, Lines] = field(default_factory=dict)
    section: str | None = None

    def load(self, path: Path, name: str, depth: int = 0) -> None:
        text = read_text(path, name)
        if text.startswith(_MARK):
            raise InputError(
                "begins with a byte order mark, which PgBouncer refuses; save it without", file=name
            )
        for token, line in _tokens(_TOKEN, text):
            if token is None:
                message = "neither a [section] nor name = value; names are letters, digits and _ . - *"
                raise InputError(message, file=name, line=line)
            self._take(token, Text("", name, line), depth)

    def _take(self, token: re.Match[str], place: Text, depth: int) -> None:
        if token["include"] is not None:
            self._include(token["include"].strip(), place, depth)
        elif token["section"] is not None:
            self._begin(token["section"], place)
        elif token["name"] is not None:
            if self.section is None:
                raise place.error("it belongs to no section; begin one above it, like [databases]")
            value = Text(token["value"].rstrip(), place.file, place.line)
            self.sections[self.section].append((token["name"], value))

    def _begin(self, section: str, place: Text) -> None:
        if section not in _SECTIONS:
            raise place.error(f"PgBouncer has no such section{suggest(section, _SECTIONS)}")
        self.section = section
        if section == MAIN or section not in self.sections:
            self.sections[section] = []

    def _include(self, name: str, place: Text, depth: int) -> None:
        if depth >= _DEEPEST_INCLUDE:
            raise place.error(
                f"%include is nested more than {_DEEPEST_INCLUDE} deep; does a file include itself?"
            )
        found = find_file(name, self.folder)
        if found is None:
            raise place.error(
                f"%include: no file {printable(name)}, neither there nor by its last name in "
                f"{self.folder}; put it there"
            )
        self.load(found, str(found), depth + 1)


def find_file(name: str, folder: Path) -> Path | None:
    """A file that a configuration names; None if there is none.

    PgBouncer reads relative names from its working directory, which nobody else can know, and what kc-db
    reads may be a copy, for a machine that has it in /etc/pgbouncer. So it is looked for in the folder of
    the configuration first, then as PgBouncer would, if it was started where kc-db is, and at last by its
    last name in the folder of the configuration.
    """
    for path in (folder / name, Path(name), folder / Path(name).name):
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):  # no permission; no file can have this name
            continue
    return None


def read_text(path: Path, name: str) -> str:
    """The text of a file. PgBouncer reads bytes; one that isn't UTF-8 is written as an escape.

    Raises:
        InputError: it can't be read, or is no text.
    """
    try:
        text = path.read_bytes().decode(errors="backslashreplace")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}; name the file that holds it", file=name) from None
    except ValueError:
        raise InputError("no file can have this name", file=printable(name)) from None
    if "\0" in text:
        raise InputError("not a text file; name PgBouncer's configuration", file=name)
    return text


def user_names(path: Path) -> Iterator[str]:
    """The users of an auth_file. Passwords are skipped.

    Raises:
        InputError: it can't be read, or has a line that isn't `"user" "password"`; PgBouncer then ignores
            the rest of the file.
    """
    for entry, line in _tokens(_USER, read_text(path, str(path))):
        if entry is None:
            message = (
                'not "user" "password"; PgBouncer ignores the rest of this file (a comment begins with ;)'
            )
            raise InputError(message, file=str(path), line=line)
        if entry["name"]:
            yield entry["name"].replace('""', '"')


def _tokens(pattern: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str] | None, int]]:
    """What a text consists of, each with its 1-based line; None, as the last, where the pattern ends."""
    position, line = 0, 1
    while position < len(text):
        token = pattern.match(text, position)
        yield token, line
        if token is None:
            return
        line += text.count("\n", position, token.end())
        position = token.end()
