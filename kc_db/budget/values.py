"""The values that a budget file may hold: their types, their bounds, and what an editor is told of them."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS

# What TOML allows in a bare key, so that every name can be typed without quotes in the file and in --set.
Name = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]+$")]
# What PostgreSQL or PgBouncer name may hold anything.
Identifier = Annotated[str, StringConstraints(min_length=1)]
# No server has more connections than this; it also keeps typing errors out of the arithmetic.
MOST = MAXIMUM_MAX_CONNECTIONS
Count = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Percent = Annotated[int, Field(ge=0, le=100)]
Amount = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


def _all_or_positive(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST):
        return value
    raise PydanticCustomError("all_or_positive", "")


def _surge(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    digits = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    if digits.isascii() and digits.isdecimal() and int(digits[:7]) <= MOST:
        return value
    raise PydanticCustomError("surge", "")


def _version(value: object) -> object:
    parts = value.split(".") if isinstance(value, str) else []
    if 2 <= len(parts) <= 3 and all(part.isascii() and part.isdecimal() and len(part) < 5 for part in parts):  # noqa: PLR2004
        return value
    raise PydanticCustomError("pgbouncer_version", "")


PgBouncerVersion = Annotated[
    str,
    PlainValidator(_version),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+\.[0-9]+(\.[0-9]+)?$"}),
]
DeploysAtOnce = Annotated[
    int | Literal["all"],
    PlainValidator(_all_or_positive),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]}),
]
Surge = Annotated[
    int | str,
    PlainValidator(_surge),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+%$"}]}
    ),
]
