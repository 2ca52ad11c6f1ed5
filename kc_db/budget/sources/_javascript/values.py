"""What JavaScript's operators and functions make of values, some of which nobody can tell."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Environment:
    """A value that environment variables decide.

    Attributes:
        names: the variables.
        default: what it is if they aren't set; None if nothing, or nobody can tell.
    """

    names: tuple[str, ...]
    default: "Value" = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that nobody can tell.

    Attributes:
        why: the reason, as it follows the name of the value: "comes from getMax(...)".
    """

    why: str


# None is undefined, null and NaN: nothing that a pool could be sized by.
Value: TypeAlias = int | float | str | bool | Environment | Opaque | None

_BASES = {"0x": 16, "0o": 8, "0b": 2}
_LARGEST = 1e15  # beyond that floats are no whole numbers; no pool is there
_FUNCTIONS: dict[str, Callable[..., int | float]] = {
    "max": max,
    "min": min,
    "floor": math.floor,
    "trunc": math.trunc,
    "ceil": math.ceil,
    "round": lambda value: math.floor(value + 0.5),
}
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": math.fmod,
}


def words(value: Value) -> str:
    """A value as a message says it; never a text of the source, which may be a password."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else "nothing"


def literal(text: str) -> Value:
    """A number as it is written: 10, 1_000, 0x10, 1e3, 5n."""
    digits = text.replace("_", "").lower().removesuffix("n" if text[:2].lower() != "0x" else "")
    base = _BASES.get(digits[:2])
    try:
        return _tidy(int(digits[2:], base) if base else float(digits))
    except ValueError:
        return Opaque("is no number")


def number(value: Value) -> Value:
    """`Number(value)`, and what parseInt makes of a number."""
    match value:
        case bool():
            return int(value)
        case str():
            return literal(value.strip()) if value.strip() else 0
        case Environment(names, default):
            return Environment(names, number(default) if default is not None else None)
    return value


def unary(operator: str, value: Value) -> Value:
    """`+value`, `-value`; nothing else makes a size."""
    if operator == "+":
        return number(value)
    return _lifted(lambda only: -only, [value]) if operator == "-" else Opaque("can't be told")


def binary(operator: str, left: Value, right: Value) -> Value:
    """`left || right` and `left ?? right` give a default to what may be unset; the others calculate."""
    if operator in {"||", "??"}:
        return _with_default(operator, left, right)
    function = _OPERATORS.get(operator)
    if function is None or isinstance(left, str) or isinstance(right, str):
        return Opaque("can't be told")
    return _lifted(function, [left, right])


def mathematics(name: str, values: Sequence[Value]) -> Value:
    """`Math.name(values)`."""
    function = _FUNCTIONS.get(name)
    return _lifted(function, values) if function else Opaque(f"comes from Math.{name}(...)")


def choose(condition: Value, consequence: Value, alternative: Value) -> Value:
    """`condition ? consequence : alternative`."""
    if consequence == alternative:
        return consequence
    names = [name for value in (condition, consequence, alternative) for name in names_of(value)]
    if not isinstance(condition, Opaque | Environment):
        return consequence if condition else alternative
    if isinstance(condition, Environment) and isinstance(consequence, Environment):
        return Environment(tuple(dict.fromkeys(names)), alternative)
    known = [words(value) for value in (consequence, alternative) if isinstance(value, int | float)]
    hint = f" ({' or '.join(known)})" if known else ""
    if isinstance(condition, Environment):
        return Opaque(f"depends on {variables(condition.names)}{hint}")
    return Opaque(f"depends on a condition{hint}")


def variables(names: Sequence[str]) -> str:
    """The environment variables, as a message calls them."""
    return f"the environment variable{'s' if len(names) > 1 else ''} {' and '.join(names)}"


def names_of(value: Value) -> tuple[str, ...]:
    """The environment variables that decide a value."""
    return value.names if isinstance(value, Environment) else ()


def _with_default(operator: str, left: Value, right: Value) -> Value:
    match left:
        case Opaque():
            return left
        case Environment(names, None):
            default = right.default if isinstance(right, Environment) else right
            return Environment(tuple(dict.fromkeys((*names, *names_of(right)))), default)
        case Environment(names, default):
            return Environment(names, _with_default(operator, default, right))
    is_missing = left is None if operator == "??" else not left
    return right if is_missing else left


def _lifted(function: Callable[..., float], values: Sequence[Value]) -> Value:
    """The function of the values; of the defaults, where environment variables decide them."""
    numbers = [number(value) for value in values]
    names = tuple(dict.fromkeys(name for value in numbers for name in names_of(value)))
    bare = [value.default if isinstance(value, Environment) else value for value in numbers]
    opaque = next((value for value in bare if isinstance(value, Opaque)), None)
    if opaque is not None and not names:
        return opaque
    result = _calculated(function, bare)
    return Environment(names, result) if names else result


def _calculated(function: Callable[..., float], values: Sequence[Value]) -> Value:
    known = [value for value in values if isinstance(value, int | float)]
    if len(known) < len(values):
        return None
    try:
        return _tidy(function(*known))
    except (ArithmeticError, TypeError, ValueError):
        return None


def _tidy(value: float) -> int | float:
    """The whole number, where it is one: JavaScript knows no other kind, and people read 10, not 10.0."""
    return int(value) if abs(value) < _LARGEST and value == int(value) else value
