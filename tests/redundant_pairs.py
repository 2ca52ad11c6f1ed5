"""Pairs of indexes on one table, and whether the one is redundant beside the other: the truth table.

Each pair is proved on a server where a statement can prove it: with either index alone, the statement ends the same
(its SQLSTATE, or the rows that it counts) and the planner expects the same cost, or it doesn't.
An index is written as what follows CREATE INDEX i ON t, or as what ALTER TABLE t adds; predicates in the words in
which the server keeps them, so that the pairs can be judged without a server.
"""

# ruff: noqa: E501 -- one pair, one line: it is a table

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kc_db.indexes.canonical import normalized_keys
from kc_db.indexes.model import Column, IndexDef, Key, LiveIndex, LiveTable, Name, TableName
from kc_db.indexes.parse import index_from_text

TABLE = """
CREATE TABLE t (
    id integer, a integer, b integer, c integer, s integer, n numeric, d double precision, f boolean,
    v character varying, x text, bp character(10), ts timestamp with time zone, day date,
    r int4range, p point, arr integer[], j jsonb, w tsvector
)
"""
ROWS = """
INSERT INTO t
SELECT i, i * 2897 % 5000, i % 50, i % 7, CASE WHEN i % 100 = 0 THEN i END, i * 2897 % 5000, i * 2897 % 5000, i % 100 = 0,
       'v' || i * 2897 % 5000, 'x' || i * 2897 % 5000, 'p' || i * 2897 % 5000,
       timestamptz '2024-01-01 00:00:00+00' + i * interval '1 hour', date '2024-01-01' + i * 2897 % 5000,
       int4range(i, i + 3), point(i, i), ARRAY[i, i + 1], jsonb_build_object('k' || i, i), to_tsvector('simple', 'w' || i)
FROM generate_series(1, 5000) AS i
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """An index, the one that would stay, the verdict, and statements that prove it."""

    index: str
    keeper: str
    redundant: bool
    why: str
    proofs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.index} beside {self.keeper}"

    @property
    def since(self) -> int:
        """The first major version that has what the pair needs."""
        return 15 if "NULLS NOT DISTINCT" in self.index + self.keeper else 14


def statement(name: str, index: str) -> str:
    """The statement that makes it."""
    if index.startswith("ADD "):
        return f"ALTER TABLE t ADD CONSTRAINT {name} {index.removeprefix('ADD ')}"
    unique = "UNIQUE " if index.startswith("UNIQUE ") else ""
    return f"CREATE {unique}INDEX {name} ON t {index.removeprefix('UNIQUE ')}"


def live_index(name: str, index: str) -> LiveIndex:
    """What the catalog would have of it."""
    text = statement(name, index)
    if index.startswith("ADD "):
        return _behind_constraint(name, text)
    definition = index_from_text(text)
    keys = normalized_keys(definition, COLUMNS, OPERATOR_CLASSES, {("default",): ("default",)})
    return LiveIndex(replace(definition, table=TableName("public", "t"), keys=keys))


def live_table(*indexes: LiveIndex) -> LiveTable:
    """The table with these."""
    return LiveTable(TableName("public", "t"), "r", COLUMNS, indexes)


def _behind_constraint(name: str, text: str) -> LiveIndex:
    import json

    from pglast.parser import parse_sql_json

    tree: Any = json.loads(parse_sql_json(text))["stmts"][0]["stmt"]["AlterTableStmt"]
    constraint: Mapping[str, Any] = tree["cmds"][0]["AlterTableCmd"]["def"]["Constraint"]
    exclusion = constraint["contype"] == "CONSTR_EXCLUSION"
    columns = [part["String"]["sval"] for part in constraint.get("keys", ())]
    columns += [part["List"]["items"][0]["IndexElem"]["name"] for part in constraint.get("exclusions", ())]
    definition = IndexDef(
        table=TableName("public", "t"),
        name=name,
        keys=tuple(Key(column) for column in columns),
        unique=not exclusion,
        nulls_not_distinct=constraint.get("nulls_not_distinct", False),
        include=tuple(part["String"]["sval"] for part in constraint.get("including", ())),
    )
    return LiveIndex(
        definition,
        immediate=not constraint.get("deferrable", False),
        primary=constraint["contype"] == "CONSTR_PRIMARY",
        constraint=name,
        exclusion=exclusion,
    )


_INTEGER: Mapping[str, Name] = {"btree": ("int4_ops",), "hash": ("int4_ops",), "brin": ("int4_minmax_ops",)}
_TEXT: Mapping[str, Name] = {"btree": ("text_ops",), "hash": ("text_ops",)}
COLUMNS: Mapping[str, Column] = {
    **{name: Column(None, _INTEGER) for name in ("id", "a", "b", "c", "s")},
    **{name: Column(("default",), _TEXT) for name in ("v", "x")},
    "bp": Column(("default",), {"btree": ("bpchar_ops",)}),
    "n": Column(None, {"btree": ("numeric_ops",)}),
    "d": Column(None, {"btree": ("float8_ops",)}),
    "f": Column(None, {"btree": ("bool_ops",)}),
    "ts": Column(None, {"btree": ("timestamptz_ops",)}),
    "day": Column(None, {"btree": ("date_ops",)}),
    "r": Column(None, {"gist": ("range_ops",)}),
    "p": Column(None, {"gist": ("point_ops",), "spgist": ("quad_point_ops",)}),
    "arr": Column(None, {"gin": ("array_ops",), "btree": ("array_ops",)}),
    "j": Column(None, {"gin": ("jsonb_ops",)}),
    "w": Column(None, {"gin": ("tsvector_ops",), "gist": ("tsvector_ops",)}),
}
OPERATOR_CLASSES: Mapping[tuple[str, Name], Name] = {
    ("btree", ("varchar_ops",)): ("text_ops",),
    ("btree", ("varchar_pattern_ops",)): ("text_pattern_ops",),
}


def _yes(index: str, keeper: str, why: str, *proofs: str) -> Pair:
    return Pair(index, keeper, redundant=True, why=why, proofs=proofs)


def _no(index: str, keeper: str, why: str, *proofs: str) -> Pair:
    return Pair(index, keeper, redundant=False, why=why, proofs=proofs)


BY_A = "SELECT * FROM t WHERE a = 7"
FIRST_A, LAST_A = "SELECT * FROM t ORDER BY a LIMIT 5", "SELECT * FROM t ORDER BY a DESC LIMIT 5"
FIRST_X = "SELECT * FROM t ORDER BY x LIMIT 5"
SEVEN_AGAIN = "INSERT INTO t (id, a, b, c) VALUES (-1, 7, -1, -1)"
OR_NOTHING = f"{SEVEN_AGAIN} ON CONFLICT (a) DO NOTHING"
MAY = "'2024-05-01 00:00:00+00'::timestamp with time zone"
JANUARY = "'2024-01-01 00:00:00+00'::timestamp with time zone"
TEN = "b = ANY (ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])"

KEYS = (
    _yes("(a)", "(a)", "the same", BY_A, FIRST_A, LAST_A),
    _yes("(a)", "(a, b)", "a prefix", BY_A, FIRST_A, "SELECT a FROM t WHERE a < 9", "SELECT max(a) FROM t"),
    _yes("(a)", "(a, b, c)", "a prefix", BY_A, FIRST_A),
    _yes("(b, a)", "(b, a, c)", "a prefix", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 3"),
    _yes("(a)", "(a, lower(x))", "a prefix", BY_A, FIRST_A),
    _yes("(a)", "(a DESC)", "read backwards", BY_A, FIRST_A, LAST_A, "SELECT min(a) FROM t"),
    _yes("(a DESC)", "(a)", "read backwards", FIRST_A, LAST_A),
    _yes("(a DESC)", "(a, b)", "a prefix, read backwards", LAST_A),
    _yes("(a)", "(a DESC, b)", "one key has but one direction", FIRST_A, LAST_A),
    _yes("(b, a)", "(b DESC, a DESC)", "all reversed", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _yes("(b DESC, a)", "(b, a DESC)", "all reversed", "SELECT * FROM t ORDER BY b DESC, a LIMIT 5"),
    _yes("(b, a DESC)", "(b DESC, a, c)", "a prefix, reversed", "SELECT * FROM t ORDER BY b, a DESC LIMIT 5"),
    _yes("(b, a)", "(b DESC, a DESC, c)", "c isn't asked", "SELECT * FROM t WHERE (b, a) > (48, 4900) ORDER BY b, a LIMIT 5"),
    _yes("(a NULLS FIRST)", "(a DESC NULLS LAST)", "reversed", "SELECT * FROM t ORDER BY a NULLS FIRST LIMIT 5"),
    _yes("(a DESC NULLS LAST)", "(a NULLS FIRST, b)", "reversed", "SELECT * FROM t ORDER BY a DESC NULLS LAST LIMIT 5"),
    _yes("(a ASC NULLS LAST)", "(a)", "defaults, said", FIRST_A),
    _yes("(a)", "(a) WITH (fillfactor = 70)", "space, not searches", BY_A),
    _yes("(a) WITH (deduplicate_items = off)", "(a, b)", "space, not searches", BY_A),
    _yes("(b)", "(b) WITH (deduplicate_items = off)", "space, not searches", "SELECT * FROM t WHERE b = 3"),
    _yes("(x text_ops)", "(x, a)", "the default, said", "SELECT * FROM t WHERE x = 'x7'", FIRST_X),
    _yes("(v varchar_ops)", "(v, a)", "varchar_ops is text_ops", "SELECT * FROM t WHERE v = 'v7'"),
    _yes("(v)", "(v text_ops, a)", "text_ops is varchar's", "SELECT * FROM t WHERE v = 'v7'"),
    _yes("(v varchar_ops)", "(v text_ops)", "the same", "SELECT * FROM t ORDER BY v LIMIT 5"),
    _yes("(v varchar_pattern_ops)", "(v text_pattern_ops, a)", "one family", "SELECT * FROM t WHERE v ~<~ 'v1' ORDER BY v USING ~<~ LIMIT 3"),
    _yes('(x COLLATE "C")', '(x COLLATE "C", a)', "a prefix", """SELECT * FROM t ORDER BY x COLLATE "C" LIMIT 5"""),
    _yes('(x COLLATE "default")', "(x, a)", "the column's own, said", FIRST_X),
    _yes("(lower(x))", "(lower(x), a)", "a prefix", "SELECT * FROM t WHERE lower(x) = 'x7'"),
    _yes("((a + b))", "((a + b) DESC)", "read backwards", "SELECT * FROM t ORDER BY a + b LIMIT 5"),
    _yes("(b, lower(x))", "(b, lower(x), a)", "a prefix", "SELECT * FROM t WHERE b = 3 AND lower(x) = 'x7'"),
    _yes("(bp)", "(bp, a)", "a prefix", "SELECT * FROM t WHERE bp = 'p7'"),
    _yes("(arr)", "(arr, a)", "a prefix", "SELECT * FROM t ORDER BY arr LIMIT 5"),
    _no("(b, a)", "(b)", "more keys", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 1"),
    _no("(b, a, c)", "(b, c)", "a key is missing", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 1"),
    _no("(a)", "(b)", "other columns", BY_A),
    _no("(a)", "(b, a)", "not a prefix", FIRST_A),
    _no("(b)", "(a, b)", "not a prefix", "SELECT b FROM t ORDER BY b LIMIT 5"),
    _no("(b, a)", "(a, b)", "another order of keys", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(b, a)", "(b, c, a)", "not a prefix", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 1"),
    _no("(b, a)", "(b, a DESC)", "one of two reversed", "SELECT * FROM t WHERE b > 3 ORDER BY b, a LIMIT 5"),
    _no("(b, a)", "(b DESC, a)", "one of two reversed", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(b, a DESC)", "(b, a, c)", "one of two reversed", "SELECT * FROM t ORDER BY b, a DESC LIMIT 5"),
    _no("(b DESC, a DESC)", "(b DESC, a)", "one of two reversed", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(a)", "(a NULLS FIRST)", "nulls elsewhere", FIRST_A),
    _no("(a NULLS FIRST)", "(a)", "nulls elsewhere", "SELECT * FROM t ORDER BY a NULLS FIRST LIMIT 5"),
    _no("(a DESC)", "(a NULLS FIRST)", "the direction is reversed, the nulls are not", LAST_A),
    _no("(a DESC NULLS LAST)", "(a, b)", "nulls elsewhere", "SELECT * FROM t ORDER BY a DESC NULLS LAST LIMIT 5"),
    _no("(a DESC NULLS LAST)", "(a DESC)", "nulls elsewhere", "SELECT * FROM t ORDER BY a DESC NULLS LAST LIMIT 5"),
    _no("(b, a)", "(b DESC, a DESC NULLS LAST)", "nulls of one key", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(x text_pattern_ops)", "(x)", "another family", "SELECT * FROM t ORDER BY x USING ~<~ LIMIT 5"),
    _no("(x)", "(x text_pattern_ops)", "another family", FIRST_X),
    _no("(v varchar_pattern_ops)", "(v, a)", "another family", "SELECT * FROM t ORDER BY v USING ~<~ LIMIT 5"),
    _no("(v)", "(v varchar_pattern_ops)", "another family", "SELECT * FROM t ORDER BY v LIMIT 5"),
    _no("(bp bpchar_pattern_ops)", "(bp)", "another family", "SELECT * FROM t ORDER BY bp USING ~<~ LIMIT 5"),
    _no("(((bp)::text))", "(bp)", "another type", "SELECT * FROM t ORDER BY bp::text LIMIT 5"),
    _no("(x)", '(x COLLATE "C")', "another collation", FIRST_X),
    _no('(x COLLATE "C")', "(x)", "another collation", """SELECT * FROM t ORDER BY x COLLATE "C" LIMIT 5"""),
    _no('(x COLLATE "C")', '(x COLLATE "POSIX")', "the planner takes them for two", """SELECT * FROM t ORDER BY x COLLATE "C" LIMIT 5"""),
    _no("(b, x)", '(b, x COLLATE "C")', "another collation", "SELECT * FROM t ORDER BY b, x LIMIT 5"),
    _no("(lower(x))", "(x)", "an expression", "SELECT * FROM t WHERE lower(x) = 'x7'"),
    _no("(x)", "(lower(x))", "an expression", "SELECT * FROM t WHERE x = 'x7'"),
    _no("(lower(x))", "(upper(x))", "another function", "SELECT * FROM t WHERE lower(x) = 'x7'"),
    _no("(lower(x))", "(lower((v)::text))", "another column", "SELECT * FROM t WHERE lower(x) = 'x7'"),
    _no("((a + b))", "((b + a))", "the planner takes them for two", "SELECT * FROM t WHERE a + b = 7"),
    _no("((a + 1))", "((a + 2))", "another constant", "SELECT * FROM t WHERE a + 1 = 7"),
    _no("((a + b))", "(a, b)", "an expression", "SELECT * FROM t WHERE a + b = 7"),
    _no("(b, lower(x))", "(b, upper(x))", "another function", "SELECT * FROM t WHERE b = 3 AND lower(x) = 'x7'"),
    _no('(lower(x) COLLATE "C")', "(lower(x))", "another collation", """SELECT * FROM t ORDER BY lower(x) COLLATE "C" LIMIT 5"""),
)  # fmt: skip

INCLUDE = (
    _yes("(a) INCLUDE (b)", "(a, b)", "b is returned", "SELECT a, b FROM t WHERE a < 500"),
    _yes("(a)", "(a) INCLUDE (b)", "b isn't asked", BY_A, "SELECT a FROM t WHERE a < 500"),
    _yes("(a) INCLUDE (b)", "(a) INCLUDE (b, c)", "b is returned", "SELECT a, b FROM t WHERE a < 500"),
    _yes("(a) INCLUDE (b, c)", "(a) INCLUDE (c, b)", "no order in INCLUDE", "SELECT c, b FROM t WHERE a < 500"),
    _yes("(a) INCLUDE (c)", "(a, b) INCLUDE (c)", "a prefix", "SELECT a, c FROM t WHERE a < 500"),
    _yes("(a) INCLUDE (c)", "(a, b, c)", "c is returned", "SELECT a, c FROM t WHERE a < 500"),
    _yes("(a DESC) INCLUDE (b)", "(a) INCLUDE (b)", "read backwards", "SELECT a, b FROM t ORDER BY a DESC LIMIT 50"),
    _yes("(a) INCLUDE (b, c)", "(a DESC, c, b)", "both are returned", "SELECT a, b, c FROM t WHERE a < 500"),
    _yes("(lower(x)) INCLUDE (x)", "(lower(x), x)", "x is returned", "SELECT x FROM t WHERE lower(x) = 'x7'"),
    _no("(b, a)", "(b) INCLUDE (a)", "INCLUDE has no order", "SELECT b, a FROM t WHERE b = 3 ORDER BY a LIMIT 1"),
    _no("(a) INCLUDE (b)", "(a)", "b from the table", "SELECT a, b FROM t WHERE a < 500"),
    _no("(a) INCLUDE (b)", "(a) INCLUDE (c)", "b from the table", "SELECT a, b FROM t WHERE a < 500"),
    _no("(a) INCLUDE (b)", "(a, c)", "b from the table", "SELECT a, b FROM t WHERE a < 500"),
    _no("(a) INCLUDE (x)", "(a, lower(x))", "x from the table", "SELECT a, x FROM t WHERE a < 500"),
    _no("(a) INCLUDE (b, c)", "(a) INCLUDE (b)", "c from the table", "SELECT a, b, c FROM t WHERE a < 500"),
    _no("(b)", "(a) INCLUDE (b)", "INCLUDE isn't searched", "SELECT * FROM t WHERE b = 3"),
)  # fmt: skip

UNIQUE = (
    _yes("(a)", "UNIQUE (a)", "the same searches", BY_A, FIRST_A),
    _yes("(a)", "UNIQUE (a, b)", "a prefix", BY_A),
    _yes("(a DESC)", "UNIQUE (a)", "read backwards", LAST_A),
    _yes("(a) INCLUDE (b)", "UNIQUE (a, b)", "b is returned", "SELECT a, b FROM t WHERE a < 500"),
    _yes("UNIQUE (a)", "UNIQUE (a)", "the same", BY_A, SEVEN_AGAIN, OR_NOTHING),
    _yes("UNIQUE (a)", "UNIQUE (a DESC)", "direction is nothing to uniqueness", LAST_A, SEVEN_AGAIN, OR_NOTHING),
    _yes("UNIQUE (a)", "UNIQUE (a) INCLUDE (b)", "INCLUDE is nothing to uniqueness", BY_A, SEVEN_AGAIN, OR_NOTHING),
    _yes("UNIQUE (a, b)", "UNIQUE (a DESC, b DESC)", "all reversed", f"{SEVEN_AGAIN} ON CONFLICT (a, b) DO NOTHING"),
    _yes("UNIQUE (a)", "UNIQUE (a) NULLS NOT DISTINCT", "the other refuses more", SEVEN_AGAIN, OR_NOTHING),
    _yes("UNIQUE (a) NULLS NOT DISTINCT", "UNIQUE (a DESC) NULLS NOT DISTINCT", "the same", "INSERT INTO t (a) VALUES (NULL), (NULL)"),
    _yes("(a)", "UNIQUE (a) NULLS NOT DISTINCT", "the same searches", BY_A),
    _yes("UNIQUE (a)", "ADD UNIQUE (a)", "the constraint's", SEVEN_AGAIN, OR_NOTHING),
    _yes("ADD UNIQUE (a)", "UNIQUE (a)", "the constraint's, by hand", SEVEN_AGAIN, OR_NOTHING),
    _yes("(a)", "ADD UNIQUE (a) INCLUDE (b)", "the same searches", BY_A),
    _yes("UNIQUE (a)", "ADD UNIQUE (a) INCLUDE (b)", "the constraint's", SEVEN_AGAIN, OR_NOTHING),
    _yes("UNIQUE (id)", "ADD PRIMARY KEY (id)", "the primary key's", "INSERT INTO t (id) VALUES (7)"),
    _yes("(id)", "ADD PRIMARY KEY (id)", "the primary key's", "SELECT * FROM t WHERE id = 7"),
    _yes("(id DESC)", "ADD PRIMARY KEY (id)", "read backwards", "SELECT * FROM t ORDER BY id DESC LIMIT 5"),
    _yes("ADD UNIQUE (id)", "ADD PRIMARY KEY (id)", "the primary key's, by hand", "INSERT INTO t (id) VALUES (7)"),
    _yes("(a)", "ADD UNIQUE (a) DEFERRABLE", "searches don't wait", BY_A, FIRST_A),
    _yes("(a)", "ADD UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED", "searches don't wait", BY_A),
    _yes("ADD UNIQUE (a) DEFERRABLE", "UNIQUE (a)", "refused at once, both", SEVEN_AGAIN),
    _yes("UNIQUE (lower(x))", "UNIQUE (lower(x) DESC)", "read backwards", "INSERT INTO t (x) VALUES ('X7')",
         "INSERT INTO t (x) VALUES ('X7') ON CONFLICT (lower(x)) DO NOTHING"),
    _yes("UNIQUE (a) WHERE (a > 5)", "UNIQUE (a)", "a search by the key", SEVEN_AGAIN,
         f"{SEVEN_AGAIN} ON CONFLICT (a) WHERE a > 5 DO NOTHING", "SELECT a FROM t WHERE a > 4950"),
    _yes("UNIQUE (a) WHERE (b = 3)", "UNIQUE (a DESC) WHERE (b = 3)", "read backwards", "SELECT * FROM t WHERE b = 3 AND a = 7",
         "INSERT INTO t (a, b) VALUES (7, 3), (7, 3) ON CONFLICT (a) WHERE b = 3 DO NOTHING"),
    _no("UNIQUE (a)", "(a)", "uniqueness", SEVEN_AGAIN, OR_NOTHING),
    _no("UNIQUE (a)", "(a, b)", "uniqueness", SEVEN_AGAIN),
    _no("UNIQUE (a)", "UNIQUE (a, b)", "uniqueness of more", SEVEN_AGAIN),
    _no("UNIQUE (a, b)", "UNIQUE (a)", "ON CONFLICT, order", f"{SEVEN_AGAIN} ON CONFLICT (a, b) DO NOTHING"),
    _no("UNIQUE (b, a)", "UNIQUE (a, b)", "unique alike, searched otherwise", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(b, a)", "UNIQUE (a, b)", "another order of keys", "SELECT * FROM t ORDER BY b, a LIMIT 5"),
    _no("(a, b)", "UNIQUE (a)", "the order of equals isn't known", "SELECT a, b FROM t WHERE a < 500 ORDER BY a, b LIMIT 500"),
    _no("UNIQUE (a) NULLS NOT DISTINCT", "UNIQUE (a)", "nulls are distinct", "INSERT INTO t (a) VALUES (NULL), (NULL)"),
    _no("UNIQUE (a) NULLS NOT DISTINCT", "UNIQUE (a DESC)", "nulls are distinct", "INSERT INTO t (a) VALUES (NULL), (NULL)"),
    _no("UNIQUE (a)", "ADD UNIQUE (a) DEFERRABLE", "can't arbitrate", OR_NOTHING),
    _no("UNIQUE (a)", "ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "refused too late", SEVEN_AGAIN),
    _no("ADD UNIQUE (a)", "ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "refused too late", SEVEN_AGAIN),
    _no("ADD UNIQUE (a) DEFERRABLE", "ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", "refused too late", SEVEN_AGAIN),
    _no("UNIQUE (a)", "UNIQUE (a) WHERE (b = 3)", "uniqueness of some", SEVEN_AGAIN),
    _no("UNIQUE (a) WHERE (b = 3)", "(a) WHERE (b = 3)", "uniqueness", "INSERT INTO t (a, b) VALUES (-7, 3), (-7, 3)"),
    _no("UNIQUE (a) WHERE (b = 3)", "UNIQUE (a)", "the other reads all", "SELECT a FROM t WHERE b = 3"),
    _no("UNIQUE (a) INCLUDE (b)", "UNIQUE (a)", "b from the table", "SELECT a, b FROM t WHERE a < 500"),
    _no("UNIQUE (lower(x))", "UNIQUE (x)", "uniqueness of other values", "INSERT INTO t (x) VALUES ('X7')"),
    _no("UNIQUE (x)", "UNIQUE (lower(x))", "searched otherwise", "SELECT * FROM t WHERE x = 'x7'"),
    _no("UNIQUE (x)", 'UNIQUE (x COLLATE "C")', "another collation", FIRST_X),
    _no("ADD PRIMARY KEY (id)", "UNIQUE (id)", "never the primary key", "INSERT INTO t (id) VALUES (NULL)"),
    _no("ADD PRIMARY KEY (id)", "ADD UNIQUE (id)", "never the primary key", "INSERT INTO t (id) VALUES (NULL)"),
    _no("ADD EXCLUDE USING btree (a WITH =)", "(a)", "exclusion", SEVEN_AGAIN),
    _no("ADD EXCLUDE USING btree (a WITH =)", "UNIQUE (a)", "23P01 is not 23505", SEVEN_AGAIN),
    _no("(a)", "ADD EXCLUDE USING btree (a WITH =)", "an exclusion constraint's is left alone"),
    _no("UNIQUE (a)", "ADD EXCLUDE USING btree (a WITH =)", "can't arbitrate", OR_NOTHING),
)  # fmt: skip

PREDICATES = (
    _yes("(a) WHERE (b = 3)", "(a, c) WHERE (b = 3)", "the same rows", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 5"),
    _yes("(a) WHERE ((b = 3) AND (c > 0))", "(a) WHERE ((c > 0) AND (b = 3))", "no order in AND",
         "SELECT * FROM t WHERE b = 3 AND c > 0 ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (a > 4900)", "(a)", "a search by the key", "SELECT * FROM t WHERE a > 4990", "SELECT a FROM t WHERE a > 4900"),
    _yes("(a DESC) WHERE (a > 4900)", "(a, b)", "a search by the key", "SELECT * FROM t WHERE a > 4900 ORDER BY a DESC LIMIT 5"),
    _yes("(a) WHERE (a = 7)", "(a)", "a search by the key", BY_A),
    _yes("(a) WHERE ((a >= 10) AND (a <= 20))", "(a, b)", "a search by the key", "SELECT * FROM t WHERE a BETWEEN 10 AND 20"),
    _yes("(a) WHERE (a = ANY (ARRAY[1, 2]))", "(a)", "a search by the key", "SELECT * FROM t WHERE a IN (1, 2)"),
    _yes("(a) WHERE (a > 4900)", "(a) WHERE (a > 10)", "implied, a search", "SELECT * FROM t WHERE a > 4990"),
    _yes("(a) WHERE (a < 10)", "(a) WHERE (a <= 10)", "implied, a search", "SELECT * FROM t WHERE a < 10"),
    _yes("(a) WHERE (a = 2)", "(a) WHERE (a = ANY (ARRAY[1, 2, 3]))", "implied, a search", "SELECT * FROM t WHERE a = 2"),
    _yes("(a) WHERE (a = ANY (ARRAY[1, 2]))", "(a) WHERE (a = ANY (ARRAY[3, 2, 1]))", "implied, a search", "SELECT * FROM t WHERE a IN (1, 2)"),
    _yes("(a) WHERE (a = ANY (ARRAY[6, 7]))", "(a) WHERE (a > 5)", "implied, a search", "SELECT * FROM t WHERE a IN (6, 7)"),
    _yes("(a) WHERE (a > 4900)", "(a) WHERE (a IS NOT NULL)", "implied, a search", "SELECT * FROM t WHERE a > 4990"),
    _yes("(a) WHERE (a = 7)", "(a) WHERE (a <> 3)", "implied, a search", BY_A),
    _yes("(a) WHERE (a > 7)", "(a) WHERE (a <> 3)", "implied, a search", "SELECT * FROM t WHERE a = 9"),
    _yes("(b, a) WHERE (b = 3)", "(b, a)", "a search by the key", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 5"),
    _yes("(a) WHERE ((s IS NOT NULL) AND (s > 5))", "(a) WHERE (s > 5)", "s > 5 says it all", "SELECT * FROM t WHERE s > 5 AND a = 7"),
    _yes("(a) WHERE (s > 5)", "(a) WHERE ((s > 5) AND (s IS NOT NULL))", "s > 5 says it all", "SELECT * FROM t WHERE s > 5 ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (s IS NOT NULL)", "(a, b) WHERE (s IS NOT NULL)", "the same rows", "SELECT * FROM t WHERE s IS NOT NULL ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (NOT (s IS NULL))", "(a) WHERE (s IS NOT NULL)", "the same", "SELECT * FROM t WHERE s IS NOT NULL ORDER BY a LIMIT 5"),
    _yes("(a) WHERE f", "(a, b) WHERE f", "the same rows", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (f = true)", "(a) WHERE f", "the same", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (f <> true)", "(a) WHERE (NOT f)", "the same", "SELECT * FROM t WHERE NOT f ORDER BY a LIMIT 5"),
    _yes("(a) WHERE (NOT f)", "(a) WHERE (f = false)", "the same", "SELECT * FROM t WHERE NOT f ORDER BY a LIMIT 5"),
    _yes("(f, a) WHERE f", "(f, a)", "a search by the key", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _yes("(v) WHERE ((v)::text = 'v7'::text)", "(v)", "a search by the key", "SELECT * FROM t WHERE v = 'v7'"),
    _yes("(v) WHERE ((v)::text = 'v7'::text)", "(v) WHERE (v IS NOT NULL)", "implied, a search", "SELECT * FROM t WHERE v = 'v7'"),
    _yes("(v) WHERE ((v)::text = 'v7'::text)", "(v) WHERE ((v)::text = ANY ((ARRAY['v7'::character varying, 'v8'::character varying])::text[]))",
         "implied, a search", "SELECT * FROM t WHERE v = 'v7'"),
    _yes(f"(ts) WHERE (ts > {MAY})", f"(ts) WHERE (ts > {JANUARY})", "implied, a search", "SELECT * FROM t WHERE ts > '2024-07-25+00'"),
    _yes("(day) WHERE (day >= '2030-01-01'::date)", "(day) WHERE (day > '2025-01-01'::date)", "implied, a search", "SELECT * FROM t WHERE day > '2037-01-01'"),
    _yes("(n) WHERE (n > (4900)::numeric)", "(n) WHERE (n > 10.5)", "implied, a search", "SELECT * FROM t WHERE n > 4990"),
    _yes("(d) WHERE (d > (4900)::double precision)", "(d)", "a search by the key", "SELECT * FROM t WHERE d > 4990"),
    _yes("(a) WHERE (a > '-5'::integer)", "(a) WHERE (a >= '-10'::integer)", "implied, a search", BY_A),
    _yes("(x) WHERE (x > 'x49'::text)", "(x)", "a search by the key", "SELECT * FROM t WHERE x > 'x499'"),
    _no("(lower(x)) WHERE (lower(x) = 'x7'::text)", "(lower(x))", "x must be returned", "SELECT count(*) FROM t WHERE lower(x) = 'x7'"),
    _no("(a)", "(a) WHERE (b = 3)", "some rows only", BY_A),
    _no("(a)", "(a) WHERE (a IS NOT NULL)", "ORDER BY needs the nulls", FIRST_A),
    _no("(a)", "(a) WHERE (a > 5)", "some rows only", FIRST_A),
    _no("(ts) WHERE (b = 3)", "(ts)", "the other reads all", "SELECT * FROM t WHERE b = 3 ORDER BY ts LIMIT 5"),
    _no("(a) WHERE (b = 3)", "(b, a)", "IN (3) is no equality", "SELECT * FROM t WHERE b = ANY ('{3}') ORDER BY a LIMIT 1"),
    _no("(a) WHERE f", "(a)", "the other reads all", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _no("(a) WHERE (s IS NOT NULL)", "(a)", "the other reads all", "SELECT * FROM t WHERE s IS NOT NULL ORDER BY a LIMIT 5"),
    _no("(s) WHERE (s IS NOT NULL)", "(s)", "from s <> 3 the planner proves it, and can't search by it", "SELECT * FROM t WHERE s <> 3"),
    _no("(a, b) WHERE (b = 3)", "(a, b)", "b isn't the first key", "SELECT a, b FROM t WHERE b = 3"),
    _no("(a) WHERE (a > 10)", "(a) WHERE (a > 4900)", "fewer rows", "SELECT * FROM t WHERE a = 20"),
    _no("(a) WHERE (a >= 4900)", "(a) WHERE (a > 4900)", "one row fewer", "SELECT * FROM t WHERE a = 4900"),
    _no("(a) WHERE (a > 4900)", "(b, a)", "other keys", "SELECT * FROM t WHERE a > 4990"),
    _no("(a) WHERE (a > 4900)", "(a) WHERE ((a > 10) AND (b = 3))", "fewer rows", "SELECT * FROM t WHERE a > 4990"),
    _no("(a) WHERE ((a > 4900) OR (b = 3))", "(a) WHERE (a > 4900)", "fewer rows", "SELECT a FROM t WHERE a > 4900 OR b = 3"),
    _no("(a) WHERE (b = 3)", "(a) WHERE (b = 4)", "other rows", "SELECT * FROM t WHERE b = 3 ORDER BY a LIMIT 5"),
    _no("(a) WHERE (b = ANY (ARRAY[1, 2]))", "(a) WHERE (b = 1)", "fewer rows", "SELECT * FROM t WHERE b = 2 ORDER BY a LIMIT 5"),
    _no("(a) WHERE (b = 1)", f"(a) WHERE ({TEN})", "the other reads ten times as much", "SELECT * FROM t WHERE b = 1 ORDER BY a LIMIT 5"),
    _no("(a) WHERE (b > 48)", "(a) WHERE (b > 0)", "the other reads more", "SELECT * FROM t WHERE b > 48 ORDER BY a LIMIT 5"),
    _no("(a) WHERE (s > 5)", "(a) WHERE (b = 3)", "other rows", "SELECT * FROM t WHERE s > 5 ORDER BY a LIMIT 5"),
    _no("(a) WHERE f", "(a) WHERE (NOT f)", "the other rows", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _no("(a) WHERE (f IS TRUE)", "(a) WHERE f", "the planner can't prove it", "SELECT * FROM t WHERE f IS TRUE ORDER BY a LIMIT 5"),
    _no("(a) WHERE f", "(a) WHERE (f IS TRUE)", "the planner can't prove it", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _no("(a) WHERE (f = true)", "(a) WHERE (f = false)", "other rows", "SELECT * FROM t WHERE f ORDER BY a LIMIT 5"),
    _no("(x) WHERE (x >= 'x49'::text)", "(x) WHERE (x > 'x1'::text)", "a collation may order them otherwise"),
    _no("(x) WHERE (x > 'x49'::text)", '(x COLLATE "C")', "another collation", "SELECT * FROM t WHERE x > 'x499'"),
    _no("(x text_pattern_ops) WHERE (x > 'x499'::text)", "(x text_pattern_ops)", "no search in its family",
        "SELECT x FROM t WHERE x > 'x499'"),
    _no("(n) WHERE (n >= 10.5)", "(n) WHERE (n > (11)::numeric)", "fewer rows", "SELECT * FROM t WHERE n = 11"),
    _no("(v) WHERE ((v)::text = 'v7'::text)", "(v) WHERE ((v)::text = 'V7'::text)", "other rows", "SELECT * FROM t WHERE v = 'v7'"),
    _no("(a) WHERE (x ~~ 'x1%'::text)", "(a) WHERE (x IS NOT NULL)", "the other reads more", "SELECT * FROM t WHERE x LIKE 'x1%' AND a < 50"),
    _no("(lower(x)) WHERE (x IS NOT NULL)", "(lower(x))", "x isn't its first key"),
)  # fmt: skip

BRIN_4 = "WITH (pages_per_range = 4)"
METHODS = (
    _yes("USING hash (a)", "USING hash (a) WITH (fillfactor = 50)", "space, not searches", BY_A),
    _yes("USING hash (x)", "USING hash (x)", "the same", "SELECT * FROM t WHERE x = 'x7'"),
    _yes("USING gin (arr)", "USING gin (arr)", "the same", "SELECT * FROM t WHERE arr @> '{7}'"),
    _yes("USING gin (arr)", "USING gin (arr, w)", "any column of GIN", "SELECT * FROM t WHERE arr @> '{7}'"),
    _yes("USING gin (w)", "USING gin (arr, w)", "any column of GIN", "SELECT * FROM t WHERE w @@ 'w7'"),
    _yes("USING gin (arr, w)", "USING gin (w, arr)", "no order in GIN", "SELECT * FROM t WHERE arr @> '{7}' AND w @@ 'w7'"),
    _yes("USING gin (j jsonb_path_ops)", "USING gin (arr, j jsonb_path_ops)", "any column of GIN", """SELECT * FROM t WHERE j @> '{"k7": 7}'"""),
    _yes("USING gin (arr)", "USING gin (arr, w) WITH (fastupdate = off)", "no pending list is better", "SELECT * FROM t WHERE arr @> '{7}'"),
    _yes(f"USING brin (id) {BRIN_4}", f"USING brin (id, ts) {BRIN_4}", "any column of BRIN", "SELECT * FROM t WHERE id < 9"),
    _yes(f"USING brin (ts) {BRIN_4}", f"USING brin (id, ts) {BRIN_4}", "any column of BRIN", "SELECT * FROM t WHERE ts < '2024-01-02+00'"),
    _yes("USING brin (id)", "USING brin (id) WITH (pages_per_range = 128)", "the default, said"),
    _yes("USING brin (id)", "USING brin (id) WITH (autosummarize = on)", "summaries come sooner"),
    _yes(f"USING brin (id int4_minmax_multi_ops) {BRIN_4}", f"USING brin (ts, id int4_minmax_multi_ops) {BRIN_4}", "any column of BRIN", "SELECT * FROM t WHERE id < 9"),
    _yes("USING gist (r)", "USING gist (r) WITH (fillfactor = 50)", "space, not searches", "SELECT * FROM t WHERE r @> 7"),
    _yes("USING gist (p)", "USING gist (p) INCLUDE (a)", "a isn't asked", "SELECT * FROM t WHERE p <@ box '(0,0),(9,9)'"),
    _yes("USING spgist (p)", "USING spgist (p) INCLUDE (a)", "a isn't asked", "SELECT * FROM t WHERE p <@ box '(0,0),(9,9)'"),
    _yes("USING gist (p) WHERE (b = 3)", "USING gist (p) WHERE (b = 3)", "the same", "SELECT * FROM t WHERE b = 3 AND p <@ box '(0,0),(99,99)'"),
    _no("USING hash (a)", "(a)", "another method"),
    _no("(a)", "USING hash (a)", "another method", FIRST_A),
    _no("USING hash (a)", "USING hash (b)", "other columns", BY_A),
    _no("USING hash (a)", "USING hash (a) WHERE (b = 3)", "some rows only", BY_A),
    _no("USING hash (a) WHERE (a = 7)", "USING hash (a)", "only a B-tree's predicates are weighed"),
    _no("(arr)", "USING gin (arr)", "another method", "SELECT * FROM t ORDER BY arr LIMIT 5"),
    _no("USING gin (arr, w)", "USING gin (arr)", "a column is missing", "SELECT * FROM t WHERE w @@ 'w7'"),
    _no("USING gin (j)", "USING gin (j jsonb_path_ops)", "fewer operators", "SELECT * FROM t WHERE j ? 'k7'"),
    _no("USING gin (j jsonb_path_ops)", "USING gin (j)", "other entries"),
    _no("USING gin (arr) WITH (fastupdate = off)", "USING gin (arr, w)", "a pending list to read"),
    _no("USING gin (arr) WHERE f", "USING gin (arr)", "the other reads all"),
    _no("USING gin (w)", "USING gist (w)", "another method"),
    _no("USING gist (w tsvector_ops (siglen = 100))", "USING gist (w)", "other parameters of the operator class"),
    _no(f"USING brin (id) {BRIN_4}", "USING brin (id, ts) WITH (pages_per_range = 64)", "coarser"),
    _no(f"USING brin (id, ts) {BRIN_4}", f"USING brin (id) {BRIN_4}", "a column is missing", "SELECT * FROM t WHERE ts < '2024-01-02+00'"),
    _no(f"USING brin (id) {BRIN_4}", f"USING brin (id int4_bloom_ops) {BRIN_4}", "equality only", "SELECT * FROM t WHERE id < 9"),
    _no("USING brin (id) WITH (autosummarize = on)", "USING brin (id, ts)", "summaries come later"),
    _no("USING brin (id)", "(id)", "another method"),
    _no("USING gist (r)", "USING gist (r, p)", "the pages are split by both"),
    _no("USING gist (p)", "USING gist (r, p)", "not the first column"),
    _no("USING gist (p)", "USING spgist (p)", "another method"),
    _no("USING spgist (p)", "USING spgist (p kd_point_ops)", "another operator class"),
    _no("USING gist (p) INCLUDE (a)", "USING gist (p)", "a from the table", "SELECT p, a FROM t WHERE p <@ box '(0,0),(900,900)'"),
)  # fmt: skip

PAIRS = (*KEYS, *INCLUDE, *UNIQUE, *PREDICATES, *METHODS)
