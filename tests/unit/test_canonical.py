"""Comparison: what isn't the same is said, and only what is certain is called different."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.findings import Difference
from kc_db.indexes.canonical import Comparison, compare, resolve
from kc_db.indexes.model import Catalog, Column, IndexDef, Key, LiveTable, OperatorClass, TableName
from kc_db.indexes.parse import index_from_text

TABLE = TableName("public", "t")
BASE = IndexDef(TABLE, "i", (Key("a"),))
TEXT = Column(("default",), {"btree": ("text_ops",), "hash": ("text_ops",), "gist": ("public", "x_ops")})
LIVE = LiveTable(TABLE, "r", {"a": TEXT, "c": replace(TEXT, collation=("C",)), "n": Column(None, {})})
CATALOG = Catalog(
    {TableName(None, "t"): LIVE},
    {},
    {
        ("btree", ("text_ops",)): ("text_ops",),
        ("btree", ("varchar_ops",)): ("text_ops",),
        ("btree", ("text_pattern_ops",)): ("text_pattern_ops",),
        ("gist", ("x_ops",)): ("public", "x_ops"),
        ("gist", ("public", "x_ops")): ("public", "x_ops"),
    },
    {
        ("default",): ("default",),
        ("C",): ("C",),
        ("de",): ("public", "de"),
        ("public", "de"): ("public", "de"),
    },
)


def parse(rest: str) -> IndexDef:
    return index_from_text(f"CREATE INDEX i ON t {rest}")


def resolved(rest: str) -> IndexDef:
    return resolve(parse(rest), LIVE, CATALOG)


def said(comparison: Comparison) -> dict[str, tuple[str, str]]:
    return {d.attribute: (d.want, d.have) for d in comparison.differences}


@pytest.mark.parametrize(
    "rest",
    [
        "(a)",
        "(a text_ops)",
        "(a varchar_ops)",
        '(a COLLATE "default")',
        '(a COLLATE pg_catalog."default" pg_catalog.text_ops)',
        "((a))",
    ],
)
def test_what_is_a_default_goes_unsaid(rest: str) -> None:
    assert resolved(rest) == BASE


@pytest.mark.parametrize(
    ("rest", "key"),
    [
        ("(a text_pattern_ops)", Key("a", None, OperatorClass(("text_pattern_ops",)))),
        ('(a COLLATE "C")', Key("a", ("C",))),
        ('(c COLLATE "C")', Key("c")),
        ('(c COLLATE "default")', Key("c", ("default",))),
        ("(a COLLATE de)", Key("a", ("public", "de"))),
        ("(n my_ops)", Key("n", None, OperatorClass(("my_ops",)))),
        ('(missing COLLATE "C")', Key("missing", ("C",))),
    ],
)
def test_what_is_none_stays(rest: str, key: Key) -> None:
    assert resolved(rest).keys == (key,)


def test_options_of_a_default_operator_class_stay() -> None:
    bare, full = resolved("USING gist (a x_ops (n = 3))"), resolved("USING gist (a public.x_ops (n = '3'))")
    assert bare == full
    assert bare.keys[0].operator_class == OperatorClass(("public", "x_ops"), (("n", "3"),))


@pytest.mark.parametrize(
    ("changed", "attribute", "want", "have"),
    [
        ({"method": "hash"}, "method", "hash", "btree"),
        ({"unique": True}, "unique", "yes", "no"),
        ({"nulls_not_distinct": True}, "nulls not distinct", "yes", "no"),
        ({"include": ("b",)}, "INCLUDE columns", "(b)", "()"),
        ({"storage": (("fillfactor", "70"),)}, "storage parameters", "fillfactor = 70", "none"),
        ({"keys": (Key("b"),)}, "keys", "(b)", "(a)"),
        ({"keys": (Key("a"), Key("b"))}, "keys", "(a, b)", "(a)"),
        ({"keys": (Key("a", ("C",)),)}, "collation of key 1 (a)", "C", "its own"),
        ({"keys": (Key("a", None, OperatorClass(("o",))),)}, "operator class of key 1 (a)", "o", "default"),
        ({"keys": (Key("a", descending=True),)}, "direction of key 1 (a)", "DESC", "ASC"),
        ({"keys": (Key("a", nulls_first=True),)}, "nulls order of key 1 (a)", "NULLS FIRST", "NULLS LAST"),
        ({"predicate": parse("(a) WHERE b").predicate}, "predicate", "b", "none"),
    ],
)
def test_each_attribute_is_named(changed: Any, attribute: str, want: str, have: str) -> None:
    assert compare(replace(BASE, **changed), BASE) == Comparison((Difference(attribute, want, have),))
    assert compare(BASE, replace(BASE, **changed)) == Comparison((Difference(attribute, have, want),))


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ({"include": ("a, b",)}, {"include": ("a", "b")}),
        ({"storage": (("a", "1, b = 2"),)}, {"storage": (("a", "1"), ("b", "2"))}),
        ({"keys": (Key("a", ("x.y", "z")),)}, {"keys": (Key("a", ("x", "y.z")),)}),
        (
            {"keys": (Key("a", None, OperatorClass(("x.y",))),)},
            {"keys": (Key("a", None, OperatorClass(("x", "y"))),)},
        ),
        ({"keys": (Key("a, b"),)}, {"keys": (Key("a"), Key("b"))}),
    ],
)
def test_what_only_looks_the_same_is_different(want: Any, have: Any) -> None:
    assert compare(replace(BASE, **want), replace(BASE, **have)).differences


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ("(a) WHERE b IN (1, 2)", "(a) WHERE (b = ANY (ARRAY[1, 2]))"),
        ("(a) WHERE true", "(a)"),
        ("(a) WHERE t IS NOT NULL", "(a) WHERE (t.* IS NOT NULL)"),
        ("(a) WHERE t.b > 1", "(a) WHERE (b > 1)"),
        ("((b || 'x'))", "((b || 'x'::text))"),
        ("((b::text))", "(b)"),
        ("((t.b))", "(b)"),
        ('(((b COLLATE "C")::text))', "(b)"),
        ("((f(t)))", "(f)"),
        ("(lower(b) text_ops)", "(lower(b))"),
        ('(lower(b) COLLATE "default")', "(lower(b))"),
    ],
)
def test_what_only_the_server_knows_is_undecided(want: str, have: str) -> None:
    comparison = compare(parse(want), parse(have))
    assert comparison.differences == ()
    assert comparison.undecided


@pytest.mark.parametrize(
    ("want", "have", "attributes"),
    [
        ("(a) WHERE b > 1", "(a)", ["predicate"]),
        ("(a)", "(a) WHERE b > 1", ["predicate"]),
        ("(a) WHERE b > 1", "(a) WHERE c > 1", ["predicate"]),
        ("((b + 1))", "((c + 1))", ["keys"]),
        ("(b)", "((b + 1))", ["keys"]),
        ("((b + 1))", "(b)", ["keys"]),
        ("((b::text))", "(c)", ["keys"]),
        ("((b + 1), a)", "(a, (b + 1))", ["keys"]),
        ("(lower(b))", '(lower(b) COLLATE "C")', ["collation of key 1 (lower(b))"]),
        ("(lower(b) DESC)", "(lower(b) DESC NULLS LAST)", ["nulls order of key 1 (lower(b))"]),
        ("(lower(b))", "(lower(b) text_pattern_ops)", ["operator class of key 1 (lower(b))"]),
    ],
)
def test_what_is_certain_of_expressions(want: str, have: str, attributes: list[str]) -> None:
    assert list(said(compare(parse(want), parse(have)))) == attributes


names = st.sampled_from(["a", "b", "a, b", "t"])
parts = st.one_of(
    names,
    st.sampled_from(["(a + 1)", "(a::text)", "lower(b)", "(t.*)", "(1 + 1)"]).map(
        lambda t: parse(f"({t})").keys[0].of
    ),
)
keys = st.builds(
    Key,
    parts,
    st.sampled_from([None, ("C",), ("a", "b"), ("a.b",)]),
    st.sampled_from(
        [
            None,
            OperatorClass(("o",)),
            OperatorClass(("b",), (("n", "1"),)),
            OperatorClass(("o",), (("n", "1"),)),
        ]
    ),
    descending=st.booleans(),
    nulls_first=st.booleans(),
)
definitions = st.builds(
    IndexDef,
    st.just(TABLE),
    st.just("i"),
    st.lists(keys, min_size=1, max_size=2).map(tuple),
    method=st.sampled_from(["btree", "hash"]),
    unique=st.booleans(),
    nulls_not_distinct=st.booleans(),
    include=st.lists(names, max_size=2).map(tuple),
    predicate=st.sampled_from(
        [None, *(parse(f"(a) WHERE {w}").predicate for w in ("true", "b", "NOT b", "t.b"))]
    ),
    storage=st.sampled_from([(), (("a", "1"),), (("a", "1, b = 2"),), (("a", "1"), ("b", "2"))]),
)


@given(definitions, definitions)
def test_equal_is_said_of_equal_shapes_only(want: IndexDef, have: IndexDef) -> None:
    assert compare(want, have).equal == (want.shape == have.shape)
    assert compare(want, want).equal
