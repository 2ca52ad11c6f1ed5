"""What is wrong with a TOML file: every mistake is one line with file, line, column and the key."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from kc_db.errors import InputError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Path = tuple[str, ...]

_LONGEST_SHOWN = 40
_MARKS = ("<number>", "<other>", "[key]")  # what pydantic puts between the keys: tags of schema, and its own

# By pydantic's type of the error; `given` is the value, the other names are the error's own context.
_SENTENCES = {
    "int_type": "must be a whole number, not {given}",
    "string_type": "must be a text in quotes, not {given}",
    "greater_than_equal": "must be {ge} or more, not {given}",
    "less_than_equal": "must be {le} or less, not {given}",
    "literal_error": "must be {expected}, not {given}",
    "model_type": "must be a table, not {given}",
    "date_type": "must be a date without quotes, like 2030-12-31, not {given}",
    "list_type": "must be a list, not {given}",
    "string_too_short": "must not be empty",
    "dict_type": "must be a table, not {given}",
    "all_or_positive": 'must be 1 or more, or "all", not {given}',
    "pgbouncer_version": 'must be PgBouncer\'s version, like "1.24", not {given}',
    "surge": 'must be 0 or more, or a percentage like "25%", not {given}',
    "bool_type": "must be true or false, not {given}",
    "float_type": "must be a number, not {given}",
    "greater_than": "must be more than {gt}, not {given}",
    "less_than": "must be less than {lt}, not {given}",
    "finite_number": "must be a finite number, not {given}",
    "missing": "is missing",
    "string_pattern_mismatch": "a name may hold letters, digits, - and _ only",
}


class _Complaint(NamedTuple):
    path: Path
    message: str
    is_about_key: bool


@dataclass
class Complaints:
    """Gathers mistakes in one file, and raises them together, so that one run shows them all.

    Attributes:
        file: its name.
        text: its text, from which positions are taken if there is a mistake.
        table: the table of the file that paths start from.
    """

    file: str
    text: str
    table: Path = ()
    _gathered: list[_Complaint] = field(default_factory=list)

    def add(self, path: Path, message: str, *, is_about_key: bool = False) -> None:
        """Notes one mistake at a key path; points at the value there, or at the key itself."""
        complaint = _Complaint((*self.table, *path), message, is_about_key)
        if complaint not in self._gathered:  # environments share most of their tables
            self._gathered.append(complaint)

    def add_all(self, error: "ValidationError", known_keys: Callable[[Path], Iterable[str]]) -> None:
        """Notes each mistake that pydantic found."""
        for detail in error.errors():
            path = key_path(detail)
            is_about_key = detail["type"] == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
            self.add(path, explain(detail, known_keys), is_about_key=is_about_key)

    def raise_any(self) -> None:
        """Ends with the mistakes, in the order of the file.

        Raises:
            InputError: there are any; its message has a line for each.
        """
        if not self._gathered:
            return
        from kc_db.toml.locate import nearest, places

        found = places(self.text)
        errors = []
        for complaint in self._gathered:
            place = nearest(found, complaint.path)
            position = (place.key if complaint.is_about_key else place.value) if place else None
            line, column = position or (None, None)
            where = printable(".".join(complaint.path))
            message = f"{where}: {complaint.message}" if where else complaint.message
            errors.append(InputError(message, file=self.file, line=line, column=column))
        errors.sort(key=lambda error: (error.line or 0, error.column or 0))
        raise join_errors(errors)


def join_errors(errors: Sequence[InputError]) -> InputError:
    """One error that says them all, a line each, and stands where the first does."""
    joined = InputError("\n".join(map(str, errors)))
    joined.file, joined.line, joined.column = errors[0].file, errors[0].line, errors[0].column
    return joined


def key_path(detail: "ErrorDetails") -> Path:
    """The keys that lead to a mistake, without pydantic's own remarks in between."""
    if not detail["loc"]:
        return ()
    *around, last = map(str, detail["loc"])
    is_key = detail["type"] == "extra_forbidden" or last not in _MARKS
    return (*(key for key in around if key not in _MARKS), *([last] if is_key else []))


def explain(detail: "ErrorDetails", known_keys: Callable[[Path], Iterable[str]]) -> str:
    """What is wrong with one value, in words; pydantic's own where there are no better ones."""
    if detail["type"] == "extra_forbidden":
        *table, key = key_path(detail)
        return f"unknown key{suggest(key, known_keys(tuple(table)))}"
    if detail["type"] == "literal_error" and detail["loc"][-1:] == ("[key]",):
        choices = str(detail.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        return f"unknown key{suggest(str(detail['input']), choices.split(', '))}"
    sentence = _SENTENCES.get(detail["type"])
    if sentence is None:
        return detail["msg"]
    context = {name: str(value).replace("'", '"') for name, value in detail.get("ctx", {}).items()}
    return sentence.format(given=show(detail["input"]), **context)


def suggest(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` if something is close, else what there is to choose from."""
    choices = list(known)
    begun = [choice for choice in choices if wrong and choice.startswith(wrong)]  # prod, for production
    close = get_close_matches(wrong, choices, n=1, cutoff=0.6) or begun
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(choices)}" if choices else ""


def printable(text: str) -> str:
    """The text on one line, whatever it holds."""
    return text if text.isprintable() else repr(text)[1:-1]


def show(value: object) -> str:
    """A value as its writer would call it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            short = value if len(value) <= _LONGEST_SHOWN else f"{value[: _LONGEST_SHOWN - 3]}..."
            return f'the text "{printable(short)}"'
        case dict():
            return "a table"
        case list():
            return "a list"
        case date() | time():
            return f"the date or time {value.isoformat()}"
        case _:
            return str(value)
