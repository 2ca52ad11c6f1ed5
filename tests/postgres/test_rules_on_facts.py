"""What the server knows beyond definitions, and what the rules make of it."""

from pathlib import Path

import pytest

from kc_db.indexes.bloat import expected_bytes
from kc_db.indexes.facts import TableFacts
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_facts import with_facts
from kc_db.indexes.parse import index_from_text
from tests.conftest import Connection
from tests.indexes import find_with_facts, make_specs
from tests.servers import Server

REFERENCED = """
CREATE TABLE p (
    id int PRIMARY KEY, big bigint UNIQUE, txt text UNIQUE, chars char(4) UNIQUE, UNIQUE (id, big)
);
CREATE TABLE t (
    a int REFERENCES p, b bigint, c int REFERENCES p (big), txt text REFERENCES p (txt),
    chars char(4) REFERENCES p (chars),
    FOREIGN KEY (a, b) REFERENCES p (id, big)
);
"""


def execute(connection: Connection, script: str) -> None:
    connection.execute(script.encode())


def facts_of(connection: Connection, table: str = "t") -> TableFacts:
    definition = index_from_text(f"CREATE INDEX wanted ON {table} (a)")
    catalog = with_facts(connection, load_catalog(connection, [definition]))
    (live,) = catalog.tables.values()
    return live.facts or TableFacts()


def lookup(connection: Connection, columns: str) -> str:
    """How the server finds the rows of a foreign key: the query of ri_restrict() in ri_triggers.c."""
    types = {"a": "int", "b": "bigint", "c": "bigint", "txt": "text", "chars": "char"}
    names = columns.split(", ")
    conditions = " AND ".join(
        f"${number} OPERATOR(pg_catalog.=) {name}" for number, name in enumerate(names, start=1)
    )
    execute(
        connection,
        f"PREPARE looked_up ({', '.join(types[name] for name in names)}) AS "
        f"SELECT 1 FROM ONLY t x WHERE {conditions} FOR KEY SHARE OF x",
    )
    rows = connection.execute(
        f"EXPLAIN EXECUTE looked_up ({', '.join('NULL' for _ in names)})".encode()
    ).fetchall()
    connection.execute("DEALLOCATE looked_up")
    return "\n".join(str(row[0]) for row in rows)


@pytest.mark.parametrize(
    ("columns", "index", "serves"),
    [
        ("a", "(a)", True),
        ("a", "(a DESC, c)", True),
        ("a", "(a) INCLUDE (c)", True),
        ("a", "USING hash (a)", True),
        ("a", "(a) WHERE a IS NOT NULL", True),
        ("a", "(a) WHERE NOT (a IS NULL)", True),
        ("a", "(a) WHERE a > 0", False),
        ("a", "(a) WHERE c IS NOT NULL", False),
        ("a", "(c) INCLUDE (a)", False),
        ("a", "((a + 0))", False),
        ("c", "(c)", True),
        ("c", "USING hash (c)", True),
        ("a, b", "(a, b)", True),
        ("a, b", "(b, a, c)", True),
        ("a, b", "(b DESC, a) WHERE a IS NOT NULL AND b IS NOT NULL", True),
        ("a, b", "(b, a) WHERE b IS NOT NULL", True),
        ("txt", "(txt)", True),
        ("txt", "(txt text_pattern_ops)", True),
        ("txt", '(txt COLLATE "POSIX")', False),
        ("txt", "(lower(txt))", False),
        ("chars", "(chars bpchar_pattern_ops)", True),
        ("chars", "((chars::text))", False),
    ],
)
def test_an_index_serves_a_foreign_key_if_the_server_can_use_it(
    connection: Connection, tmp_path: Path, columns: str, index: str, serves: bool
) -> None:
    execute(connection, REFERENCED)
    execute(connection, f"CREATE INDEX one ON t {index}")
    execute(connection, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    assert ("Index Cond" in lookup(connection, columns)) is serves
    specs = make_specs(tmp_path, t=f"-- Why.\nCREATE INDEX one ON t {index};")
    messages = [
        finding.problem.message
        for finding in find_with_facts(connection, specs)
        if finding.rule == "foreign-key-without-index"
    ]
    assert any(f"({columns})" in message for message in messages) is not serves


@pytest.mark.parametrize("index", ["(c, a)", "(a, c)", "USING brin (a, b)", "USING hash (a)"])
def test_what_serves_two_columns_only_in_part_does_not_count(connection: Connection, index: str) -> None:
    execute(connection, REFERENCED)
    execute(connection, f"CREATE INDEX one ON t {index}")
    assert ("a", "b") in [key.columns for key in facts_of(connection).foreign_keys]


def test_an_operator_class_that_compares_otherwise_does_not_count(connection: Connection) -> None:
    execute(
        connection,
        """
        CREATE TYPE pair AS (x int, y int);
        CREATE TABLE p (a pair PRIMARY KEY); CREATE TABLE t (a pair REFERENCES p);
        CREATE INDEX one ON t (a record_image_ops);
        """,
    )
    assert [key.columns for key in facts_of(connection).foreign_keys] == [("a",)]
    execute(connection, "CREATE INDEX two ON t (a)")
    assert not facts_of(connection).foreign_keys


def test_an_invalid_index_does_not_count(connection: Connection) -> None:
    execute(connection, REFERENCED)
    execute(connection, "CREATE INDEX one ON t (a)")
    assert ("a",) not in [key.columns for key in facts_of(connection).foreign_keys]
    execute(connection, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'one'::regclass")
    assert ("a",) in [key.columns for key in facts_of(connection).foreign_keys]


def test_foreign_keys_of_and_to_partitioned_tables(connection: Connection) -> None:
    execute(
        connection,
        """
        CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
        CREATE TABLE t (a int, b int REFERENCES p, c int REFERENCES p) PARTITION BY RANGE (a);
        CREATE TABLE t1 (c int, b int, a int);
        ALTER TABLE t ATTACH PARTITION t1 FOR VALUES FROM (0) TO (10);
        CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (a);
        CREATE TABLE t21 PARTITION OF t2 FOR VALUES FROM (10) TO (20);
        CREATE INDEX ON t1 (b); CREATE INDEX ON t21 (b); CREATE INDEX ON t1 (c);
        """,
    )
    assert [(key.name, key.columns, key.references) for key in facts_of(connection).foreign_keys] == [
        ("t_c_fkey", ("c",), "public.p")
    ]
    execute(connection, "CREATE INDEX ON t (c)")
    assert not facts_of(connection).foreign_keys


def test_a_foreign_key_to_the_same_table(connection: Connection) -> None:
    execute(connection, "CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t)")
    assert [key.references for key in facts_of(connection).foreign_keys] == ["public.t"]


def test_a_foreign_key_that_is_not_enforced_looks_nothing_up(server: Server, connection: Connection) -> None:
    if server.major_version < 18:
        pytest.skip("NOT ENFORCED came with PostgreSQL 18")
    execute(
        connection, "CREATE TABLE p (a int PRIMARY KEY); CREATE TABLE t (a int REFERENCES p NOT ENFORCED)"
    )
    assert not facts_of(connection).foreign_keys


def test_a_materialized_view_has_no_columns_that_are_not_null(connection: Connection, tmp_path: Path) -> None:
    text = "CREATE UNIQUE INDEX one ON t (a);"
    execute(connection, f"CREATE MATERIALIZED VIEW t AS SELECT 1 AS a; {text}")
    assert find_with_facts(connection, make_specs(tmp_path, t=f"-- Why.\n{text}")) == []


def test_what_keeps_null_out_of_a_unique_index(connection: Connection) -> None:
    execute(
        connection,
        """
        CREATE DOMAIN given AS int NOT NULL;
        CREATE DOMAIN yes AS boolean;
        CREATE TABLE t (
            a int PRIMARY KEY, b int NOT NULL, c given, d int CHECK (d IS NOT NULL), "e E" int, f int,
            g yes NOT NULL,
            CHECK (a > 0 OR f IS NOT NULL)
        );
        ALTER TABLE t ADD CHECK (f IS NOT NULL) NOT VALID;
        CREATE UNIQUE INDEX one ON t (b, c, d, "e E", f) INCLUDE (g);
        CREATE UNIQUE INDEX two ON t (b, g);
        CREATE UNIQUE INDEX three ON t (g);
        CREATE INDEX four ON t (f, g);
        """,
    )
    keys = facts_of(connection).keys
    assert keys["one"].nullable == ("e E", "f")
    assert keys["one"].booleans == ()
    assert keys["two"].booleans == ("g",)
    assert [name for name, fact in keys.items() if fact.nullable or fact.booleans] == ["one", "two"]


def test_declared_lengths_count_in_the_widest_characters(connection: Connection) -> None:
    execute(
        connection,
        """
        CREATE DOMAIN words AS varchar(400);
        CREATE TABLE t (a int, b varchar(300), c char(300), d words, e text, f varchar);
        CREATE INDEX one ON t (a, b, c, d); CREATE INDEX two ON t (b, d); CREATE INDEX three ON t (e, f);
        CREATE INDEX four ON t USING gin (to_tsvector('english', b || c || d));
        """,
    )
    (most,) = connection.execute(
        "SELECT pg_encoding_max_length(encoding) FROM pg_database WHERE datname = current_database()"
    ).fetchone() or (0,)
    wide = {name: keys.most_bytes for name, keys in facts_of(connection).keys.items()}
    assert wide == ({"one": 4000, "two": 2800} if most == 4 else {})


ROWS = 60_000
BLOATABLE = {
    "values": "(a)",
    "few_values": "(b)",
    "a_half": "(c)",
    "dates": "(b, d)",
    "texts": "(e)",
    "expressions": "(lower(e))",
    "long_texts": "(f)",
    "mostly_null": "(g)",
    "loose": "(a) WITH (fillfactor = 50)",
    "apart": "(b) WITH (deduplicate_items = off)",
    "numbers": "(h)",
    "covering": "(b) INCLUDE (a)",
    "partial": "(a, e) WHERE b <> 0",
}


def test_bloat_is_what_reindex_gives_back(connection: Connection) -> None:
    """No index is bloated when it is new; after a mass deletion each is, by as much as REINDEX shows."""
    execute(
        connection,
        f"""
        CREATE TABLE t AS SELECT n AS a, n % 5 AS b, n / 2 AS c,
            timestamptz '2026-01-01' + n * interval '1 s' AS d, 'student' || n || '@example.org' AS e,
            repeat(md5(n::text), 3) AS f, CASE WHEN n % 3 = 0 THEN n END AS g, (n % 10)::numeric AS h
        FROM generate_series(1, {20 * ROWS}) AS n WHERE n % 20 < 4 ORDER BY md5(n::text)
        """,
    )
    for name, definition in BLOATABLE.items():
        execute(connection, f"CREATE INDEX {name} ON t {definition}")
    connection.execute("VACUUM ANALYZE t")
    assert bloated(connection) == set()
    connection.execute("DELETE FROM t WHERE a % 200 >= 20")
    connection.execute("VACUUM ANALYZE t")
    expected = {name: expected_bytes(parts[0]) for name, parts in facts_of(connection).stored.items()}
    assert bloated(connection) == set(BLOATABLE)
    connection.execute("REINDEX TABLE t")
    for name in BLOATABLE:
        (size,) = connection.execute("SELECT pg_relation_size(%s::regclass)", (name,)).fetchone() or (0,)
        assert expected[name] == pytest.approx(size, rel=0.5), name


def bloated(connection: Connection) -> set[str]:
    return {
        name
        for name, (part,) in facts_of(connection).stored.items()
        if (size := expected_bytes(part)) is not None
        and part.size_bytes - size >= max(1024 * 1024, part.size_bytes / 2)
    }
