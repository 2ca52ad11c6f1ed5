"""A CREATE INDEX statement becomes an IndexDef."""

import pytest

from kc_db.indexes.model import IndexDef, Key, OperatorClass, TableName
from kc_db.indexes.parse import expression_from_text, index_from_text

TABLE = TableName(None, "t")


def parse(rest: str) -> IndexDef:
    return index_from_text(f"CREATE INDEX i ON t {rest}")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", Key("a")),
        ("A", Key("a")),
        ('"A b"', Key("A b")),
        ("(a)", Key("a")),
        ("a ASC NULLS LAST", Key("a")),
        ("a DESC", Key("a", descending=True, nulls_first=True)),
        ("a DESC NULLS LAST", Key("a", descending=True)),
        ("a NULLS FIRST", Key("a", nulls_first=True)),
        ('a COLLATE "C"', Key("a", collation=("C",))),
        ('a COLLATE pg_catalog."C"', Key("a", collation=("C",))),
        ('a COLLATE "x.y"."de.1"', Key("a", collation=("x.y", "de.1"))),
        ('(a COLLATE "C")', Key("a", collation=("C",))),
        ('((a COLLATE "D") COLLATE "E") COLLATE "C"', Key("a", collation=("C",))),
        ("a text_ops", Key("a", operator_class=OperatorClass(("text_ops",)))),
        ("a pg_catalog.text_ops", Key("a", operator_class=OperatorClass(("text_ops",)))),
        ("a my.ops (n = 3, m = '4')", Key("a", None, OperatorClass(("my", "ops"), (("m", "4"), ("n", "3"))))),
        ("a ops (f = -0.5, g = .5)", Key("a", None, OperatorClass(("ops",), (("f", "-0.5"), ("g", "0.5"))))),
    ],
)
def test_a_key_that_is_a_column(key: str, expected: Key) -> None:
    assert parse(f"({key})").keys == (expected,)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("lower(a)", "lower(a)"),
        ("(lower(a))", "(lower(a))"),
        ('lower(a) COLLATE "C" text_ops DESC', "lower(a)"),
        ("lower(a) gist_trgm_ops (siglen = 32)", "lower(a)"),
        ("(a + (b * c)) DESC", "(a + (b * c))"),
        ("(a -- why ( not\n + 1)", "(a -- why ( not\n + 1)"),
        ("coalesce(a, ',)(')", "coalesce(a, ',)(')"),
        ("(ts AT TIME ZONE 'UTC')", "(ts AT TIME ZONE 'UTC')"),
        ("(substring(é from 'ü'))", "(substring(é from 'ü'))"),
    ],
)
def test_an_expression_keeps_its_words(key: str, text: str) -> None:
    of = [key.of for key in parse(f"(x, {key}, (y + 1)) INCLUDE (z) WITH (fillfactor = 70)").keys]
    assert list(map(str, of)) == ["x", text, "(y + 1)"]


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        ("WHERE a > 1", "a > 1"),
        ("WHERE (a > 1) -- why\n;", "(a > 1)"),
        ("WITH (fillfactor = 70) WHERE \"WHERE\" = 'WHERE' OR (b)", "\"WHERE\" = 'WHERE' OR (b)"),
    ],
)
def test_a_predicate_keeps_its_words(tail: str, text: str) -> None:
    assert str(parse(f"(a) {tail}").predicate) == text


def test_only_the_tree_makes_expressions_equal() -> None:
    written, returned = parse("(a) WHERE a>1 AND b").predicate, expression_from_text("((a > 1) AND b)")
    assert written == returned
    assert len({written, returned}) == 1
    assert written != expression_from_text("a > 1 OR b")
    assert written != "a>1 AND b"


def test_a_collation_around_an_expression_is_the_keys() -> None:
    inside, outside = parse('((lower(a) COLLATE "C"))').keys, parse('(lower(a) COLLATE "C")').keys
    assert inside == outside
    assert inside[0].collation == ("C",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("fillfactor = 70", ("fillfactor", "70")),
        ("FILLFACTOR = '70'", ("fillfactor", "70")),
        ("gin_pending_list_limit = 0", ("gin_pending_list_limit", "0")),
        ("buffering = AUTO", ("buffering", "auto")),
        *((f"fillfactor = {value}", ("fillfactor", "70")) for value in ("70.0", "'070'", "'0x46'", "7e1")),
        *((f"fastupdate {value}", ("fastupdate", "on")) for value in ("", "= on", "= 1", "= tru", "= 'YES'")),
        *((f"fastupdate = {value}", ("fastupdate", "off")) for value in ("off", "0", "f", "no", "FALSE")),
    ],
)
def test_storage_parameters(options: str, expected: tuple[str, str]) -> None:
    assert parse(f"(a) WITH ({options})").storage == (expected,)


def test_the_rest() -> None:
    text = "CREATE UNIQUE INDEX i ON s.t USING rtree (a) INCLUDE (b, c) NULLS NOT DISTINCT"
    assert index_from_text(text) == IndexDef(
        TableName("s", "t"),
        "i",
        (Key("a"),),
        method="gist",
        unique=True,
        nulls_not_distinct=True,
        include=("b", "c"),
    )
    assert parse("(a)") == IndexDef(TABLE, "i", (Key("a"),))


def test_names_are_cut_as_the_server_cuts_them() -> None:
    assert index_from_text(f"CREATE INDEX {'é' * 40} ON t (a)").name == "é" * 31
