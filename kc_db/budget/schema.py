"""The shape of a budget file. Types are strict: TOML says whether a value is a number, nothing is guessed."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Deploy

# Error locations carry the tag of a union's branch; no Name can look like these.
NUMBER_TAG, OTHER_TAG = "<number>", "<other>"

# What TOML allows in a bare key, so that every name can be typed without quotes in the file and in --set.
Name = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]+$")]
# No server has more connections than this; it also keeps typing errors out of the arithmetic.
_MOST = MAXIMUM_MAX_CONNECTIONS
Count = Annotated[int, Field(ge=0, le=_MOST)]
Positive = Annotated[int, Field(ge=1, le=_MOST)]


class Table(BaseModel):
    """A table of the file: strict, closed, unchangeable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class InstanceRange(Table):
    """Autoscaling bounds of an ECS service, in tasks. The budget counts `max`."""

    max: Count
    min: Count | None = None
    desired: Count | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = [
            (name, getattr(self, name))
            for name in ("min", "desired", "max")
            if getattr(self, name) is not None
        ]
        for (low_name, low), (high_name, high) in pairwise(given):
            if low > high:
                raise PydanticCustomError(
                    "order",
                    "{low_name} is {low}, more than {high_name}, {high}",
                    {"low_name": low_name, "low": low, "high_name": high_name, "high": high},
                )
        return self


Instances = Annotated[
    Annotated[InstanceRange, Tag(OTHER_TAG)] | Annotated[Count, Tag(NUMBER_TAG)],
    Discriminator(lambda value: OTHER_TAG if isinstance(value, dict | InstanceRange) else NUMBER_TAG),
]


def _all_or_positive(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise PydanticCustomError("all_or_positive", "")


DeploysAtOnce = Annotated[int | Literal["all"], PlainValidator(_all_or_positive)]


class PolicyTable(Table):
    """What must fit: how many services the pipeline deploys at once, and the percentage that stays free."""

    deploys_at_once: DeploysAtOnce | None = None
    headroom_percent: Annotated[int, Field(ge=0, le=99)] | None = None


class DatabaseTable(Table):
    """One server's settings; model.Limits says what they mean and where that is written."""

    max_connections: Positive | None = None
    superuser_reserved_connections: Count | None = None
    reserved_connections: Count | None = None
    vendor_reserved_connections: Count | None = None
    fixed_sessions: dict[Name, Count] | None = None


class ServiceTable(Table):
    """One service or worker, or the defaults of all; model.Service says what the keys mean."""

    database: str | None = None
    pool_size: Count | None = None
    instances: Instances | None = None
    processes: Positive | None = None
    deploy: Deploy | None = None
    maximum_percent: Annotated[int, Field(ge=100, le=_MOST)] | None = None


class FleetTable(Table):
    """What the top of the file and each environment may hold."""

    policy: PolicyTable = PolicyTable()
    defaults: ServiceTable = ServiceTable()
    databases: dict[Name, DatabaseTable] = {}
    services: dict[Name, ServiceTable] = {}
    workers: dict[Name, ServiceTable] = {}


class BudgetFile(FleetTable):
    """The whole file; an environment overrides, key by key, what stands at the top."""

    environments: dict[Name, FleetTable] = {}


def known_keys(table: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that a table of the file may hold, by its path."""
    inside_environment = table[:1] == ("environments",) and len(table) > 1
    top: type[Table] = FleetTable if inside_environment else BudgetFile
    path = table[2:] if inside_environment else table
    if path[-1:] == ("instances",):
        return tuple(InstanceRange.model_fields)
    tables: dict[str, type[Table]] = {
        "policy": PolicyTable,
        "databases": DatabaseTable,
        **dict.fromkeys(("defaults", "services", "workers"), ServiceTable),
    }
    return tuple((tables[path[0]] if path else top).model_fields)
