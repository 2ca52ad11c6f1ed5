"""What scripts/compare_tools.py lets every tool look at: an index as it is wanted, and as it is.

Every case says the wanted index twice, as SQL and as SQLAlchemy's model, because Alembic compares with that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Index, Table, text

TABLE = """
CREATE TABLE t (
    id integer NOT NULL, a integer, b text, c text COLLATE "C", v varchar(20), d date, ts timestamptz,
    j jsonb, tv tsvector, p point, bo boolean, "Mixed" text
)
"""
Model = Callable[[Table], Index]


@dataclass(frozen=True, slots=True)
class Case:
    """One change, or one that is none.

    Attributes:
        title: what is different between wanted and live.
        wanted: what follows CREATE [UNIQUE] INDEX i ON t, UNIQUE included.
        live: the same of what is in the database; or statements, if it has semicolons; or nothing.
        model: the wanted index for Alembic.
    """

    title: str
    wanted: str
    live: str
    model: Model


def on(
    *keys: str,
    unique: bool = False,
    where: str | None = None,
    storage: Mapping[str, object] | None = None,
    **options: object,
) -> Model:
    """The wanted index as one writes it into a SQLAlchemy model: columns by name, everything else as text."""

    def make(table: Table) -> Index:
        expressions = [table.c[key] if key in table.c else text(key) for key in keys]
        said: dict[str, Any] = {f"postgresql_{name}": value for name, value in options.items()}
        if where:
            said["postgresql_where"] = text(where)
        if storage:
            said["postgresql_with"] = storage
        return Index("i", *expressions, unique=unique, **said)

    return make


def collated(column: str, collation: str) -> Model:
    """An index on one column with a collation."""
    return lambda table: Index("i", table.c[column].collate(collation))


def descending(column: str, *, nulls_first: bool = True) -> Model:
    """An index on one column in descending order."""

    def make(table: Table) -> Index:
        order = table.c[column].desc()
        return Index("i", order.nulls_first() if nulls_first else order.nulls_last())

    return make


def nulls_first(column: str) -> Model:
    """An index on one column with its nulls first."""
    return lambda table: Index("i", table.c[column].asc().nulls_first())


_INVALID = "INSERT INTO t (id) VALUES (1), (1); CREATE UNIQUE INDEX CONCURRENTLY i ON t (id); DELETE FROM t"
_RESTORED = (
    "(a) WHERE ((v)::text = ANY (ARRAY[('x'::character varying)::text, ('y'::character varying)::text]))"
)
CHANGES = (
    Case("the index is missing", "(a)", "", on("a")),
    Case("the index is invalid", "UNIQUE (id)", _INVALID, on("id", unique=True)),
    Case("it has another name", "(a)", "CREATE INDEX other ON t (a);", on("a")),
    Case(
        "another index has the same definition",
        "(a)",
        "CREATE INDEX i ON t (a); CREATE INDEX j ON t (a)",
        on("a"),
    ),
    Case("another column", "(a)", "(id)", on("a")),
    Case("another order of columns", "(a, b)", "(b, a)", on("a", "b")),
    Case("a column less", "(a, b)", "(a)", on("a", "b")),
    Case("not unique", "UNIQUE (id)", "(id)", on("id", unique=True)),
    Case(
        "a deferrable constraint instead",
        "UNIQUE (id)",
        "ALTER TABLE t ADD CONSTRAINT i UNIQUE (id) DEFERRABLE;",
        on("id", unique=True),
    ),
    Case(
        "no NULLS NOT DISTINCT",
        "UNIQUE (a) NULLS NOT DISTINCT",
        "UNIQUE (a)",
        on("a", unique=True, nulls_not_distinct=True),
    ),
    Case("no predicate", "(a) WHERE bo", "(a)", on("a", where="bo")),
    Case("a predicate too much", "(a)", "(a) WHERE bo", on("a")),
    Case("another constant in the predicate", "(a) WHERE a > 3", "(a) WHERE a > 4", on("a", where="a > 3")),
    Case("another operator in the predicate", "(a) WHERE a > 3", "(a) WHERE a >= 3", on("a", where="a > 3")),
    Case(
        "another value in an IN list",
        "(a) WHERE v IN ('x', 'y')",
        "(a) WHERE v IN ('x', 'z')",
        on("a", where="v IN ('x', 'y')"),
    ),
    Case("B-tree instead of hash", "USING hash (a)", "(a)", on("a", using="hash")),
    Case("SP-GiST instead of GiST", "USING gist (p)", "USING spgist (p)", on("p", using="gist")),
    Case("BRIN instead of B-tree", "(a)", "USING brin (a)", on("a")),
    Case("an INCLUDE column less", "(a) INCLUDE (b)", "(a)", on("a", include=["b"])),
    Case("an INCLUDE column too much", "(a)", "(a) INCLUDE (b)", on("a")),
    Case("another INCLUDE column", "(a) INCLUDE (b)", "(a) INCLUDE (v)", on("a", include=["b"])),
    Case("another operator class", "(b text_pattern_ops)", "(b)", on("b", ops={"b": "text_pattern_ops"})),
    Case(
        "another operator class (GIN)",
        "USING gin (j jsonb_path_ops)",
        "USING gin (j)",
        on("j", using="gin", ops={"j": "jsonb_path_ops"}),
    ),
    Case(
        "another operator class option",
        "USING gist (tv tsvector_ops (siglen = 100))",
        "USING gist (tv tsvector_ops (siglen = 200))",
        on("tv tsvector_ops (siglen = 100)", using="gist"),
    ),
    Case("another collation", '(b COLLATE "C")', "(b)", collated("b", "C")),
    Case("another direction", "(a DESC)", "(a)", descending("a")),
    Case("another order of nulls", "(a NULLS FIRST)", "(a)", nulls_first("a")),
    Case(
        "another storage parameter",
        "(a) WITH (fillfactor = 70)",
        "(a) WITH (fillfactor = 80)",
        on("a", storage={"fillfactor": 70}),
    ),
    Case("another function", "(lower(b))", "(upper(b))", on("lower(b)")),
    Case("another constant in an expression", "(coalesce(a, 0))", "(coalesce(a, 1))", on("coalesce(a, 0)")),
    Case(
        "another time zone",
        "((ts AT TIME ZONE 'UTC'))",
        "((ts AT TIME ZONE 'CET'))",
        on("(ts AT TIME ZONE 'UTC')"),
    ),
    Case("a column instead of an expression", "(lower(b))", "(b)", on("lower(b)")),
)
_CASE = "(CASE WHEN bo THEN 'x' ELSE b END)"
SAME = (
    Case("a function", "(lower(b))", "(lower(b))", on("lower(b)")),
    Case("trim()", "(trim(b))", "(trim(b))", on("trim(b)")),
    Case("CASE", f"({_CASE})", f"({_CASE})", on(_CASE)),
    Case("coalesce() of a varchar", "(coalesce(v, 'x'))", "(coalesce(v, 'x'))", on("coalesce(v, 'x')")),
    Case("a JSON field", "((j ->> 'k'))", "((j ->> 'k'))", on("(j ->> 'k')")),
    Case(
        "substring()",
        "(substring(b from 1 for 3))",
        "(substring(b from 1 for 3))",
        on("substring(b from 1 for 3)"),
    ),
    Case("extract()", "((extract(year from d)))", "((extract(year from d)))", on("(extract(year from d))")),
    Case(
        "AT TIME ZONE",
        "((ts AT TIME ZONE 'UTC'))",
        "((ts AT TIME ZONE 'UTC'))",
        on("(ts AT TIME ZONE 'UTC')"),
    ),
    Case(
        "timezone() for AT TIME ZONE",
        "(timezone('UTC', ts))",
        "((ts AT TIME ZONE 'UTC'))",
        on("timezone('UTC', ts)"),
    ),
    Case("IN", "(a) WHERE a IN (1, 2)", "(a) WHERE a IN (1, 2)", on("a", where="a IN (1, 2)")),
    Case("IN within a key", "((a IN (1, 2)))", "((a IN (1, 2)))", on("(a IN (1, 2))")),
    Case(
        "IN of a varchar",
        "(a) WHERE v IN ('x', 'y')",
        "(a) WHERE v IN ('x', 'y')",
        on("a", where="v IN ('x', 'y')"),
    ),
    Case(
        "IN of a varchar, restored from a dump",
        "(a) WHERE v IN ('x', 'y')",
        _RESTORED,
        on("a", where="v IN ('x', 'y')"),
    ),
    Case(
        "BETWEEN",
        "(a) WHERE a BETWEEN 1 AND 9",
        "(a) WHERE a >= 1 AND a <= 9",
        on("a", where="a BETWEEN 1 AND 9"),
    ),
    Case("BETWEEN within a key", "((a BETWEEN 1 AND 9))", "((a BETWEEN 1 AND 9))", on("(a BETWEEN 1 AND 9)")),
    Case("LIKE", "(a) WHERE b LIKE 'x%'", "(a) WHERE b LIKE 'x%'", on("a", where="b LIKE 'x%'")),
    Case("!= for <>", "(a) WHERE a != 3", "(a) WHERE a <> 3", on("a", where="a != 3")),
    Case(
        "a date as text",
        "(a) WHERE d > '2020-01-01'",
        "(a) WHERE d > date '2020-01-01'",
        on("a", where="d > '2020-01-01'"),
    ),
    Case("the default operator class", "(b text_ops)", "(b)", on("b", ops={"b": "text_ops"})),
    Case("varchar's name of it", "(v varchar_ops)", "(v)", on("v", ops={"v": "varchar_ops"})),
    Case("the column's own collation", '(c COLLATE "C")', "(c)", collated("c", "C")),
    Case("DESC NULLS FIRST for DESC", "(a DESC NULLS FIRST)", "(a DESC)", descending("a")),
    Case("USING btree", "USING btree (a)", "(a)", on("a", using="btree")),
    Case("INCLUDE", "(a) INCLUDE (b)", "(a) INCLUDE (b)", on("a", include=["b"])),
    Case(
        "another spelling of a storage parameter",
        "(a) WITH (deduplicate_items = false)",
        "(a) WITH (deduplicate_items = off)",
        on("a", storage={"deduplicate_items": "false"}),
    ),
    Case("a quoted name", '("Mixed")', '("Mixed")', on("Mixed")),
    Case(
        "an operator class that is wanted",
        "(b text_pattern_ops)",
        "(b text_pattern_ops)",
        on("b", ops={"b": "text_pattern_ops"}),
    ),
    Case(
        "an operator class option that is wanted",
        "USING gist (tv tsvector_ops (siglen = 100))",
        "USING gist (tv tsvector_ops (siglen = 100))",
        on("tv tsvector_ops (siglen = 100)", using="gist"),
    ),
    Case("a collation that is wanted", '(b COLLATE "C")', '(b COLLATE "C")', collated("b", "C")),
)
