"""What is printed parses back to what it was printed from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast.keywords import RESERVED_KEYWORDS

from kc_db.indexes.model import Expression, IndexDef, Key, OperatorClass, TableName
from kc_db.indexes.parameters import normalized
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.statements import as_text, create_index, drop_index, reindex, rename_index

TABLE = TableName("public", "t")

names = st.one_of(
    st.sampled_from(sorted(RESERVED_KEYWORDS)),
    st.sampled_from(
        ["a", "_b1", "Mixed Case", "a.b", 'quo"te', "é", "1st", "between", "name", "%s", "{}", "$1", "ON"]
    ),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=12),
)
qualified = st.lists(names, min_size=1, max_size=2).map(tuple).filter(lambda name: name[0] != "pg_catalog")
values = st.one_of(st.integers(-9, 999).map(str), st.text("ab'\\ 1.", min_size=1, max_size=6))
expressions = st.sampled_from(
    ["lower(a)", "(a + 1)", "(a AT TIME ZONE 'UTC')", "(a -- why\n || ')')", "('%s' || \"A b\")", "f(a, 'é')"]
).map(lambda text: index_from_text(f"CREATE INDEX i ON t ({text})").keys[0].of)
predicates = st.sampled_from(["a > 1", "(a)", "\"WHERE\" = ' WHERE ' AND NOT b", "a LIKE '%s{}'"]).map(
    lambda text: index_from_text(f"CREATE INDEX i ON t (a) WHERE {text}").predicate
)
keys = st.builds(
    Key,
    st.one_of(names, expressions),
    st.none() | qualified,
    st.none()
    | st.builds(
        OperatorClass,
        qualified,
        st.dictionaries(names, values, max_size=2).map(lambda d: normalized(d.items())),  # 1. is written 1
    ),
    descending=st.booleans(),
    nulls_first=st.booleans(),
)
definitions = st.builds(
    IndexDef,
    st.builds(TableName, st.none() | names, names),
    names,
    st.lists(keys, min_size=1, max_size=3).map(tuple),
    method=st.sampled_from(["btree", "gin", "hash", "my method"]),
    unique=st.booleans(),
    nulls_not_distinct=st.booleans(),
    include=st.lists(names, max_size=2).map(tuple),
    predicate=st.none() | predicates,
    storage=st.dictionaries(
        st.sampled_from(["fillfactor", "Odd Name", "select"]), st.integers(0, 99).map(str), max_size=2
    ).map(lambda d: tuple(sorted(d.items()))),
)


def fits(definition: IndexDef) -> bool:
    """PostgreSQL's parser cuts longer names."""
    return all(len(name.encode()) <= 63 for name in (definition.name, definition.table.name))


@given(definitions.filter(fits))
def test_printed_and_parsed_it_is_the_same(definition: IndexDef) -> None:
    assert index_from_text(as_text(create_index(definition))) == definition


@given(definitions.filter(fits))
def test_the_words_of_expressions_come_back_too(definition: IndexDef) -> None:
    def words(one: IndexDef) -> list[str]:
        return [
            str(part)
            for part in (*(key.of for key in one.keys), one.predicate)
            if isinstance(part, Expression)
        ]

    assert words(index_from_text(as_text(create_index(definition)))) == words(definition)


def test_how_a_full_one_is_printed() -> None:
    text = (
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS other ON public.t USING gist "
        "(a COLLATE \"C\" text_pattern_ops DESC NULLS LAST, lower(b) my.ops (siglen = '32') NULLS FIRST) "
        "INCLUDE (c, \"D\") NULLS NOT DISTINCT WITH (fillfactor = '70') WHERE a > 1"
    )
    assert create_index(index_from_text(text), name="other", if_not_exists=True).as_string(None) == text


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("plain", "plain"),
        ("order", '"order"'),
        ("Mixed", '"Mixed"'),
        ('a"b', '"a""b"'),
        ("1", '"1"'),
        ("value", "value"),
    ],
)
def test_names_are_quoted_where_they_have_to_be(name: str, printed: str) -> None:
    assert as_text(drop_index(TABLE, name)) == f"DROP INDEX CONCURRENTLY public.{printed};"
    assert (
        as_text(drop_index(TABLE, name, if_exists=True))
        == f"DROP INDEX CONCURRENTLY IF EXISTS public.{printed};"
    )
    assert as_text(rename_index(TABLE, "x", name)) == f"ALTER INDEX public.x RENAME TO {printed};"
    assert as_text(reindex(TableName(None, "t"), name)) == f"REINDEX INDEX CONCURRENTLY {printed};"
