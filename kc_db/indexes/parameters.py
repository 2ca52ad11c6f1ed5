"""Storage parameters and operator class options: one way to write each value."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

_BOOLEAN = {"autosummarize", "deduplicate_items", "fastupdate"}

Parameters = tuple[tuple[str, str], ...]


def normalized(parameters: Iterable[tuple[str, str]]) -> Parameters:
    """Parameters, sorted by name, with each boolean and number in one spelling."""
    return tuple((name, _value(name, value.lower())) for name, value in sorted(parameters))


def _value(name: str, value: str) -> str:
    return _boolean(value) if name in _BOOLEAN else _number(value)


def _boolean(value: str) -> str:
    """As parse_bool() in src/backend/utils/adt/bool.c: the beginning of a word is enough."""
    return "on" if value in {"on", "1"} or "true".startswith(value) or "yes".startswith(value) else "off"


def _number(value: str) -> str:
    """As parse_int() and parse_real() in src/backend/utils/misc/guc.c; what is no number stays as it is."""
    text = value.strip()
    try:
        number = Decimal(int(text, 16)) if text.startswith("0x") else Decimal(text)
    except (InvalidOperation, ValueError):
        return value
    return format(number.normalize(), "f") if number.is_finite() else value
