"""The values that a budget file may hold: their types, their bounds, and what an editor is told of them."""

import re
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
Amount = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


_PERCENTAGE = re.compile("[0-9]{1,6}%")
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?")


def _all_or_positive(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST):
        return value
    raise PydanticCustomError("all_or_positive", "")


def _surge(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value) and int(value.removesuffix("%")) <= MOST:
        return value
    raise PydanticCustomError("surge", "")


def _version(value: object) -> object:
    if isinstance(value, str) and _VERSION.fullmatch(value):
        return value
    raise PydanticCustomError("pgbouncer_version", "")


PgBouncerVersion = Annotated[
    str,
    PlainValidator(_version),
    WithJsonSchema({"type": "string", "pattern": f"^{_VERSION.pattern}$"}),
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
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": f"^{_PERCENTAGE.pattern}$"},
            ]
        }
    ),
]
