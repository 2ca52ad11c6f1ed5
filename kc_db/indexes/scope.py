"""Where specs are looked for: a spec that names no schema may stand for many of them, one per tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from kc_db.errors import InputError, NothingToCheckError
from kc_db.indexes.model import Spec, TableName

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked for in one database.

    Attributes:
        specs: those that name no schema stand here once for each of the schemas.
        written: how many specs there are in the files.
        schemas: those that the patterns mean; empty where no pattern was given, and the search_path counts.
    """

    specs: tuple[Spec, ...]
    written: int
    schemas: tuple[str, ...] = ()

    @property
    def tables(self) -> int:
        """How many tables the specs are for."""
        return len({spec.definition.table for spec in self.specs})


def matching_schemas(patterns: Sequence[str], schemas: Sequence[str]) -> tuple[str, ...]:
    """The schemas that at least one pattern means, in their own order.

    Args:
        patterns: names as the catalog has them, or shell-like: `tenant_*`, `?`, `[ab]`; case counts.
        schemas: all that there are.

    Raises:
        NothingToCheckError: a pattern means no schema.
    """
    for pattern in patterns:
        if not any(_means(pattern, schema) for schema in schemas):
            raise NothingToCheckError(f"no schema matches {pattern!r}; {_listed(schemas)}")
    return tuple(schema for schema in schemas if any(_means(pattern, schema) for pattern in patterns))


def expand(specs: Sequence[Spec], schemas: Sequence[str]) -> Scope:
    """The specs in each of the schemas; a spec that names its schema stays there.

    Raises:
        InputError: every spec names its schema, or two would make one name in one schema.
    """
    if all(spec.definition.table.schema for spec in specs):
        raise InputError(
            "--schemas is for specs that name no schema, and each of these names one; leave it away"
        )
    expanded = tuple(
        placed
        for spec in specs
        for placed in ((spec,) if spec.definition.table.schema else _in_each(spec, schemas))
    )
    _refuse_repetitions(expanded)
    return Scope(expanded, len(specs), tuple(schemas))


def _in_each(spec: Spec, schemas: Sequence[str]) -> list[Spec]:
    definition, name = spec.definition, spec.definition.table.name
    return [
        replace(spec, definition=replace(definition, table=TableName(schema, name))) for schema in schemas
    ]


def _refuse_repetitions(specs: Sequence[Spec]) -> None:
    names: dict[tuple[str | None, str], Spec] = {}
    for spec in specs:
        schema = spec.definition.table.schema
        first = names.setdefault((schema, spec.definition.name), spec)
        if first is not spec:
            raise InputError(
                f"index {spec.definition.name!r} is there twice in schema {schema!r}, "
                f"first from {first.file}:{first.line}; delete one, or narrow --schemas",
                file=spec.file,
                line=spec.line,
            )


def _means(pattern: str, schema: str) -> bool:
    return pattern == schema or fnmatchcase(schema, pattern)


def _listed(schemas: Sequence[str]) -> str:
    if not schemas:
        return "the database has none but the system's"
    others = f" and {len(schemas) - _SHOWN} more" if len(schemas) > _SHOWN else ""
    return f"the database has {', '.join(schemas[:_SHOWN])}{others}"
