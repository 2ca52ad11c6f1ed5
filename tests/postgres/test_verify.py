"""The comparison on a real server: each index equals its own statement and no other one."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import product
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kc_db.errors import InputError
from kc_db.indexes.canonical import compare, resolve
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.parse import index_from_text
from tests.conftest import Connection
from tests.indexes import find, fresh_database, make_specs, match, rules_of
from tests.servers import Server

EXTENSIONS = ("btree_gin", "btree_gist", "pg_trgm", "ltree", "citext", "hstore", "intarray")
TABLE = """
CREATE SCHEMA "Other.schema";
CREATE DOMAIN dom AS varchar(20);
CREATE DOMAIN dom2 AS dom;
CREATE DOMAIN ints AS int[];
CREATE TYPE en AS enum ('a', 'b');
CREATE TYPE comp AS (x int, y text);
CREATE COLLATION "de.x" FROM "C";
CREATE COLLATION "Other.schema"."C" FROM "POSIX";
CREATE TABLE t (
    id int PRIMARY KEY, i int, i2 int, v varchar(30), v2 varchar, c char(5),
    tx text, tx2 text, txc text COLLATE "C",
    dm dom, dm2 dom2, dms ints, e en, es en[], ia int[], ta text[], va varchar(3)[], ds dom[],
    r int4range,
    mr int4multirange, j jsonb, ts timestamptz, tsv timestamp, d date, n numeric, tv tsvector, p point,
    bx box,
    ine inet, ci cidr, u uuid, nm name, bo boolean, co comp, by bytea,
    "Mixed Case" int, "select" text, "a.b" text, "user" int
);
CREATE TABLE extra (tx text, ia int[], i int);
"""
SAME = """
(v) | (v ASC) | (v NULLS LAST) | USING btree (v) | (v text_ops) | (v varchar_ops) | (v pg_catalog.text_ops) | ((v))
(v2) | (v2 COLLATE "default") | (v2 COLLATE pg_catalog."default")
(tx DESC) | (tx DESC NULLS FIRST) | ((tx) text_ops DESC) | (("tx") COLLATE "default" DESC)
(tx, lower(tx)) | (tx text_ops, (lower(tx))) | ((tx), LOWER ("tx"))
(v, lower(tx)) | (v varchar_ops, lower(tx)) | (v text_ops, lower(tx))
USING gist (bx) | USING rtree (bx) | USING gist (bx box_ops)
USING gin (j) | USING gin (j jsonb_ops)
USING hash (v) | USING hash (v varchar_ops) | USING hash (v text_ops)
(dm) | (dm text_ops) | (dm varchar_ops)
(dm2 varchar_pattern_ops) | (dm2 text_pattern_ops)
(tx COLLATE "C") | (tx COLLATE pg_catalog."C") | ((tx COLLATE "C")) | ((tx COLLATE "de.x") COLLATE "C")
(tx COLLATE "de.x") | (tx COLLATE public."de.x")
(tx COLLATE "Other.schema"."C")
(txc) | (txc COLLATE "C")
(lower(tx)) | ((lower(tx))) | ( lower ( tx ) ) | (LOWER(tx))
(lower(tx) COLLATE "C") | ((lower(tx)) COLLATE "C") | ((lower(tx) COLLATE "C"))
(i) WITH (fillfactor=70) | (i) WITH (fillfactor='70') | (i) WITH (FillFactor = 70)
(i) WITH (deduplicate_items=off) | (i) WITH (deduplicate_items='no') | (i) WITH (deduplicate_items=f)
USING gin (tv) WITH (fastupdate) | USING gin (tv) WITH (fastupdate=on) | USING gin (tv) WITH (FASTUPDATE=1)
USING gist (tv tsvector_ops (siglen=100)) | USING gist (tv pg_catalog.tsvector_ops (siglen='100'))
(i) WHERE (i > 3) | (i) WHERE i > 3 | (i) WHERE ((i) > (3))
(ine) | (ine inet_ops)
(ci) | (ci cidr_ops) | (ci inet_ops)
(nm) | (nm name_ops) | (nm COLLATE "C")
(i) INCLUDE (tx) | (i) INCLUDE ("tx")
(e) | (e enum_ops)
(ia) | (ia array_ops)
(r) | (r range_ops)
(mr) | (mr multirange_ops)
(co) | (co record_ops)
(c) | (c bpchar_ops)
USING gin (ia) | USING gin (ia array_ops)
USING gin (va) | USING gin (va array_ops)
USING gin (dms) | USING gin (dms array_ops)
USING gin (es) | USING gin (es array_ops)
USING gin (ds) | USING gin (ds array_ops)
USING brin (ts) | USING brin (ts timestamptz_minmax_ops)
USING brin (v) | USING brin (v text_minmax_ops)
USING brin (ine) | USING brin (ine inet_inclusion_ops)
USING brin (i int4_bloom_ops (n_distinct_per_range = -0.2, false_positive_rate = .05))
USING spgist (p) | USING spgist (p quad_point_ops)
("Mixed Case", "select", "a.b", "user") | ("Mixed Case" int4_ops, ("select"), "a.b" text_ops, "user")
((ts AT TIME ZONE 'UTC'))
((date_trunc('day', tsv)), ((ts AT TIME ZONE 'UTC')::date))
((substring(tx from 1 for 3)), (trim(both 'x' from tx)), (overlay(tx placing 'a' from 1 for 2)))
((normalize(tx, NFKC)), (extract(year from d)), (coalesce(i, 0)), (nullif(i, 0)), (greatest(i, 0)))
((CASE WHEN i > 0 THEN 'a' ELSE tx END), (ia[1]), ((co).x), (array[i, i2]), (i IS NULL), (n::numeric(10,2)))
(((co).y) COLLATE "C") | (((co).y COLLATE "C"))
(i) WHERE true
(i) WHERE t IS NOT NULL
(i) WHERE t.i > 3
(i) WHERE v IN ('a', 'b') AND i BETWEEN 1 AND 2
(i) WHERE (co).x > 1 AND ia[1] = 2 AND 1 = ANY (ia)
(i) WHERE tx LIKE 'a%' OR tx ~* 'a' OR tx IS NORMALIZED
(i) WHERE tx = E'a\\\\n''b' AND by = '\\xdead' AND n > 1e3
((tx::text)) | ((t.tx))
((i(t)))
((v::varchar(30)), (dm::text))
"""  # noqa: E501 - a group of indexes per line
DISTINCT = """
(i) | (i DESC) | (i NULLS FIRST) | (i DESC NULLS LAST) | (i2) | (i, i2) | (i2, i) | USING hash (i) | USING brin (i)\
 | USING brin (i) WITH (pages_per_range=32) | USING brin (i) WITH (autosummarize=on) | USING brin (i int4_bloom_ops)\
 | USING brin (i int4_minmax_multi_ops) | USING brin (i int4_bloom_ops (n_distinct_per_range=100))\
 | USING brin (i int4_bloom_ops (n_distinct_per_range=200)) | (i) INCLUDE (i2) | (i) INCLUDE (tx)\
 | (i) INCLUDE (i2, tx) | (i) INCLUDE (tx, i2) | (i) WITH (fillfactor=70) | (i) WITH (fillfactor=80)\
 | (i) WITH (deduplicate_items=off) | (i) WITH (deduplicate_items=off, fillfactor=70) | (i) WHERE i > 3\
 | (i) WHERE i2 > 3 | (i) WHERE i > 3 AND i2 > 3 | UNIQUE (i) | UNIQUE (i) INCLUDE (i2) | UNIQUE (i) WHERE i2 > 3
(tx) | (tx text_pattern_ops) | (tx COLLATE "C") | (tx COLLATE "POSIX") | (tx COLLATE "de.x") | USING hash (tx)\
 | (tx COLLATE "Other.schema"."C") | (tx COLLATE "C" text_pattern_ops) | (tx bpchar_ops) | (tx bpchar_pattern_ops)\
 | USING spgist (tx) | USING hash (tx text_pattern_ops) | (txc) | (txc COLLATE "default") | (txc COLLATE "POSIX")\
 | (lower(tx)) | (lower(tx) COLLATE "C") | (lower(tx) text_pattern_ops) | (lower(tx) DESC) | (upper(tx))\
 | (lower(txc)) | (lower(tx2)) | (concat_op(tx, tx2)) | (concat_op(tx2, tx))
(v) | (v varchar_pattern_ops) | (v COLLATE "C") | (v2) | ((v::text)) | (lower(v)) | (v bpchar_ops)
USING gin (j) | USING gin (j jsonb_path_ops) | USING gin (j) WITH (fastupdate=off) | (j) | USING hash (j)\
 | USING gin (j) WITH (gin_pending_list_limit=128) | ((j ->> 'a')) | ((j ->> 'b')) | ((j -> 'a'))
USING gist (p) | USING spgist (p) | USING spgist (p kd_point_ops) | USING gist (p) WITH (buffering=on)\
 | USING gist (p) WITH (buffering=off) | USING gist (p) WITH (fillfactor=80)
USING gist (ine inet_ops) | USING spgist (ine) | (ine) | USING hash (ine) | USING brin (ine)\
 | USING brin (ine inet_minmax_ops)
USING gist (tv) | USING gist (tv tsvector_ops (siglen=100)) | USING gist (tv tsvector_ops (siglen=101)) | USING gin (tv)
((i + 1)) | ((i + 2)) | ((1 + i)) | ((i - 1)) | ((i + i2)) | ((i2 + i)) | ((i * (2 + 1))) | ((i * 2 + 1))\
 | ((i + 1) DESC) | ((i::bigint)) | ((i::smallint)) | ((-i)) | ((+i)) | ((i IS NULL)) | ((i IS NOT NULL))
(i) WHERE i > 3 | (i) WHERE i >= 3 | (i) WHERE i > 4 | (i) WHERE NOT i > 3 | (i) WHERE i IS NULL | (i) WHERE bo\
 | (i) WHERE tx = 'a' | (i) WHERE tx = 'A' | (i) WHERE tx = 'a ' | (i) WHERE NOT bo | (i) WHERE bo IS TRUE\
 | (i) WHERE i > 3 OR i2 > 3 | (i) WHERE i > 3 AND i2 > 3 | (i) WHERE i IN (1, 2) | (i) WHERE i IN (1, 3)
((ts AT TIME ZONE 'UTC')) | ((ts AT TIME ZONE 'CET')) | ((tsv AT TIME ZONE 'UTC')) | (ts)\
 | ((date_trunc('day', ts AT TIME ZONE 'UTC'))) | (((ts AT TIME ZONE 'UTC')::date))
("Mixed Case") | ("select") | ("a.b") | ("user") | ("Mixed Case", "select") | ("select", "Mixed Case")
"""  # noqa: E501 - a group of indexes per line
SAME_EXTRA = """
USING gin (tx gin_trgm_ops, i)
USING gin (ia gin__int_ops)
USING gist (ia) | USING gist (ia gist__int_ops)
USING gist (ia gist__int_ops (numranges = 50)) | USING gist (ia public.gist__int_ops (numranges = '50'))
USING gist (tx gist_trgm_ops (siglen = 32), i)
USING gist (i) | USING gist (i gist_int4_ops)
"""
DISTINCT_EXTRA = """
USING gin (ia) | USING gin (ia gin__int_ops) | USING gist (ia) | USING gist (ia gist__intbig_ops)\
 | USING gist (ia gist__intbig_ops (siglen=64)) | (ia) | ((ia[1])) | ((ia[2]))
USING gin (tx gin_trgm_ops) | USING gist (tx gist_trgm_ops) | USING gist (tx gist_trgm_ops (siglen=32))\
 | USING gist (tx gist_trgm_ops (siglen=64)) | USING gist (lower(tx) gist_trgm_ops)
"""


def groups(table: str) -> list[list[str]]:
    return [
        [one.strip() for one in line.split(" | ")] for line in table.strip().replace("\\\n", "").splitlines()
    ]


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Connection]:
    """One database for all comparisons: they leave nothing behind."""
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(
            "CREATE FUNCTION concat_op(text, text) RETURNS text IMMUTABLE LANGUAGE sql RETURN $1 || $2"
        )
        yield connection


@pytest.fixture(scope="module")
def extended(shared: Connection) -> Connection:
    """The same with contrib's operator classes, where the server has them."""
    rows = shared.execute("SELECT name FROM pg_available_extensions").fetchall()
    if missing := set(EXTENSIONS) - {str(row[0]) for row in rows}:
        pytest.skip(f"this server has no {', '.join(sorted(missing))}")
    for extension in EXTENSIONS:
        shared.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}".encode())
    return shared


def statements(rests: Sequence[str], table: str = "t") -> list[str]:
    return [
        re.sub(r"^(UNIQUE )?", rf"CREATE \1INDEX x{number} ON {table} ", rest)
        for number, rest in enumerate(rests)
    ]


def verdicts(connection: Connection, texts: Sequence[str]) -> dict[tuple[int, int], str]:
    """What the comparison says of each statement as a spec and each one's live index."""
    for text in texts:
        connection.execute(text.encode())
    try:
        wanted = [index_from_text(text) for text in texts]
        catalog = load_catalog(connection, wanted)
        table = catalog.tables[wanted[0].table]
        live = {index.name: index.definition for index in table.indexes}
        found = {}
        for i, j in product(range(len(texts)), repeat=2):
            comparison = compare(resolve(wanted[i], table, catalog), live[f"x{j}"])
            assert [d for d in comparison.differences if not d.attribute or d.want == d.have] == []
            found[i, j] = (
                "equal" if comparison.equal else "different" if comparison.differences else "undetermined"
            )
        return found
    finally:
        for number in range(len(texts)):
            connection.execute(f"DROP INDEX IF EXISTS x{number}".encode())


def may_be_undetermined(rest: str) -> bool:
    return bool(re.search(r"WHERE|\(\(|\w\(", rest))


def assert_same(connection: Connection, rests: list[str], table: str = "t") -> None:
    found = verdicts(connection, statements(rests, table))
    assert "different" not in found.values()
    if not any(re.search(r"WHERE|\(\(", rest) for rest in rests):
        assert set(found.values()) == {"equal"}


def assert_distinct(connection: Connection, rests: list[str], table: str = "t") -> None:
    found = verdicts(connection, statements(rests, table))
    assert [rests[i] for i in range(len(rests)) if found[i, i] == "different"] == []
    assert [(rests[i], rests[j]) for (i, j), verdict in found.items() if i != j and verdict == "equal"] == []
    plain = [i for i, rest in enumerate(rests) if not may_be_undetermined(rest)]
    assert {found[i, j] for i in plain for j in plain if i != j} <= {"different"}


@pytest.mark.parametrize("rests", groups(SAME), ids=lambda rests: rests[0])
def test_ways_to_write_one_index(shared: Connection, rests: list[str]) -> None:
    assert_same(shared, rests)


@pytest.mark.parametrize("rests", groups(DISTINCT), ids=lambda rests: rests[0])
def test_no_two_of_these_are_equal(shared: Connection, rests: list[str]) -> None:
    assert_distinct(shared, rests)


@pytest.mark.parametrize("rests", groups(SAME_EXTRA), ids=lambda rests: rests[0])
def test_ways_to_write_one_index_of_contrib(extended: Connection, rests: list[str]) -> None:
    assert_same(extended, rests, "extra")


@pytest.mark.parametrize("rests", groups(DISTINCT_EXTRA), ids=lambda rests: rests[0])
def test_no_two_of_these_of_contrib_are_equal(extended: Connection, rests: list[str]) -> None:
    assert_distinct(extended, rests, "extra")


def test_nulls_not_distinct(shared: Connection, server: Server) -> None:
    if server.major_version < 15:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    rests = [
        "UNIQUE (i)",
        "UNIQUE (i) NULLS NOT DISTINCT",
        "UNIQUE (i, (i + 1)) NULLS NOT DISTINCT",
        "UNIQUE (i, (i + 1))",
    ]
    found = verdicts(shared, statements(rests))
    assert {pair: verdict for pair, verdict in found.items() if verdict != "different"} == {
        (n, n): "equal" for n in range(4)
    }


def test_sql_json_expressions(shared: Connection, server: Server) -> None:
    if server.major_version < 17:
        pytest.skip("JSON_VALUE came with PostgreSQL 17")
    assert_same(shared, ["(i) WHERE json_exists(j, '$.a')"])
    assert_same(shared, ["(json_value(j, '$.a'))", "((json_value(j, '$.a')))"])


column = st.sampled_from(["i", "v", "tx", "txc", "dm", "lower(tx)", "(i + 1)", '"Mixed Case"', '"select"'])
collatable = {"v", "tx", "txc", "dm", "lower(tx)", '"select"'}


@st.composite
def keys(draw: st.DrawFn) -> str:
    what = draw(column)
    words = [what]
    if what in collatable:
        words += draw(st.sampled_from([[], ['COLLATE "C"'], ['COLLATE "default"'], ['COLLATE "de.x"']]))
        words += draw(st.sampled_from([[], ["text_ops"], ["varchar_ops"], ["text_pattern_ops"]]))
    words += draw(st.sampled_from([[], ["ASC"], ["DESC"]]))
    words += draw(st.sampled_from([[], ["NULLS FIRST"], ["NULLS LAST"]]))
    return " ".join(words)


@st.composite
def indexes(draw: st.DrawFn) -> str:
    unique = draw(st.sampled_from(["", "UNIQUE "]))
    parts = [f"({', '.join(draw(st.lists(keys(), min_size=1, max_size=3)))})"]
    parts += draw(st.sampled_from([[], ["INCLUDE (id)"], ["INCLUDE (id, bo)"]]))
    parts += draw(st.sampled_from([[], ["WITH (fillfactor = 80)"], ["WITH (deduplicate_items = off)"]]))
    parts += draw(st.sampled_from([[], ["WHERE i > 3"], ["WHERE bo"], ["WHERE v = 'a'"]]))
    return unique + " ".join(parts)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(st.lists(indexes(), min_size=2, max_size=4))
def test_the_comparison_agrees_with_the_server(shared: Connection, rests: list[str]) -> None:
    """Equal means one definition in the server's own words, different means two."""
    texts = statements(rests)
    found = verdicts(shared, texts)
    words = []
    for number, text in enumerate(texts):
        shared.execute(text.encode())
        row = shared.execute(f"SELECT pg_get_indexdef('x{number}'::regclass)".encode()).fetchone()
        words.append(str(row and row[0]).replace(f"x{number}", "x").replace("varchar_ops", "text_ops"))
        shared.execute(f"DROP INDEX x{number}".encode())
    for (i, j), verdict in found.items():
        if words[i] == words[j]:
            assert verdict != "different", (rests[i], rests[j])
        elif "lower(tx) text_ops" not in words[i] + words[j]:  # where varchar_ops is not what lower() has
            assert verdict != "equal", (rests[i], rests[j])


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[str]:
    """One database for what follows: making one takes longer than most of the tests."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def database_url(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA IF EXISTS public, one, two CASCADE; DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE;"
            "CREATE SCHEMA public"
        )
    return database


BESIDES = {"unmanaged-index", "redundant-index"}  # rules that these tests aren't about
T = "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int, r int4range, UNIQUE (a, b))"
INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass"
EXCLUDING = "ALTER TABLE t ADD CONSTRAINT i EXCLUDE USING gist (r WITH &&)"


@pytest.mark.parametrize(
    ("setup", "spec", "rules"),
    [
        ("", "CREATE UNIQUE INDEX t_a_b_key ON t (a, b);", []),
        ("", "CREATE UNIQUE INDEX another ON t (a, b);", ["misnamed-index"]),
        ("", "CREATE UNIQUE INDEX t_pkey ON t (id);", []),
        ("", "CREATE INDEX t_a_b_key ON t (a, b);", ["different-definition"]),
        (
            "ALTER TABLE t ADD CONSTRAINT i UNIQUE (b) DEFERRABLE",
            "CREATE UNIQUE INDEX i ON t (b);",
            ["different-definition"],
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT x UNIQUE (b) DEFERRABLE",
            "CREATE UNIQUE INDEX i ON t (b);",
            ["missing-index"],
        ),
        (EXCLUDING, "CREATE INDEX i ON t USING gist (r);", ["different-definition"]),
        (EXCLUDING.replace(" i ", " x "), "CREATE INDEX i ON t USING gist (r);", ["missing-index"]),
        ("CREATE TABLE u (a int); CREATE INDEX i ON u (a)", "CREATE INDEX i ON t (b);", ["missing-index"]),
        ("CREATE SEQUENCE i", "CREATE INDEX i ON t (b);", ["missing-index"]),
        ("CREATE VIEW i AS SELECT 1", "CREATE INDEX i ON t (b);", ["missing-index"]),
        ("CREATE INDEX j ON t (b)", "CREATE INDEX i ON t (b); CREATE INDEX j ON t (b);", ["missing-index"]),
        (
            "CREATE INDEX k ON t (b)",
            "CREATE INDEX i ON t (b); CREATE INDEX j ON t (b);",
            ["missing-index", "misnamed-index"],
        ),
        (
            "CREATE INDEX i ON t (b); CREATE INDEX j ON t (b)",
            "CREATE INDEX i ON t (b); CREATE INDEX j ON t (b);",
            ["duplicate-index"],
        ),
        (
            "CREATE INDEX i ON t (b) WHERE a > 1",
            "CREATE INDEX i ON t (b) WHERE a > '1';",
            [],
        ),
        (
            "CREATE INDEX i ON t (b) WHERE a > 1",
            "CREATE INDEX i ON t (b) WHERE a > '2';",
            ["different-definition"],
        ),
        (
            "CREATE INDEX x ON t (b) WHERE a > 1",
            "CREATE INDEX i ON t (b) WHERE a > '1';",
            ["misnamed-index"],
        ),
        ("CREATE INDEX x ON t (a) WHERE a > 1", "CREATE INDEX i ON t (b) WHERE a > '1';", ["missing-index"]),
        (
            f"CREATE INDEX i ON t (b) WHERE a > 1; {INVALID}",
            "CREATE INDEX i ON t (b) WHERE a > '1';",
            ["invalid-index"],
        ),
        ("", "CREATE INDEX i ON t (zz) WHERE yy > 1;", ["missing-index"]),
    ],
)
def test_what_satisfies_a_spec(
    connection: Connection, tmp_path: Path, setup: str, spec: str, rules: list[str]
) -> None:
    connection.execute(T)
    connection.execute(setup.encode())
    findings = find(connection, make_specs(tmp_path / "specs", t=spec))
    assert [rule for rule in rules_of(findings) if rule not in BESIDES] == rules


def messages(connection: Connection, folder: Path, **tables: str) -> list[str]:
    return [
        f.problem.message for f in find(connection, make_specs(folder / "specs", **tables)) if f.severity > 1
    ]


@pytest.mark.parametrize(
    ("setup", "what"),
    [
        ("CREATE TABLE u (a int); CREATE INDEX i ON u (a)", "an index on u"),
        ("CREATE SEQUENCE i", "a sequence"),
        ("CREATE VIEW i AS SELECT 1", "a view"),
        ("CREATE TABLE i ()", "a table"),
    ],
)
def test_who_has_the_name(connection: Connection, tmp_path: Path, setup: str, what: str) -> None:
    connection.execute(f"{T}; {setup}".encode())
    assert messages(connection, tmp_path, t="CREATE INDEX i ON t (b);") == [
        f"no index of this definition exists; the name is taken by {what}"
    ]


def test_missing_columns_are_named(connection: Connection, tmp_path: Path) -> None:
    connection.execute(T)
    spec = "CREATE INDEX i ON t (zz, lower(yy)) INCLUDE (ww) WHERE xx > 1 AND a > 1 AND t IS NOT NULL;"
    assert messages(connection, tmp_path, t=spec) == [
        "no index of this definition exists, and the table has no column zz, yy, xx, ww"
    ]


@pytest.mark.parametrize("kind", ["VIEW", "FOREIGN TABLE", "SEQUENCE"])
def test_what_is_no_table(connection: Connection, tmp_path: Path, kind: str) -> None:
    setup = {
        "VIEW": "CREATE VIEW t AS SELECT 1 AS a",
        "SEQUENCE": "CREATE SEQUENCE t",
        "FOREIGN TABLE": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE FOREIGN TABLE t (a int) SERVER s",
    }[kind]
    connection.execute(setup.encode())
    (message,) = messages(connection, tmp_path, t="CREATE INDEX i ON t (a);")
    assert message == "table t is no table: an index can't be on it; 1 spec is for it"


def test_a_materialized_view_has_indexes(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE MATERIALIZED VIEW t AS SELECT 1 AS a; CREATE INDEX i ON t (a)")
    assert find(connection, make_specs(tmp_path / "specs", t="CREATE INDEX i ON t (a);")) == []


def test_partitions(connection: Connection, tmp_path: Path) -> None:
    connection.execute(
        "CREATE TABLE t (a int, b int) PARTITION BY RANGE (a); CREATE INDEX i ON t (b);"
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE INDEX j ON ONLY t (a)"
    )
    files = {
        "t": "CREATE INDEX i ON t (b); CREATE INDEX j ON t (a); CREATE INDEX k ON t (a, b);",
        "t_1": "CREATE INDEX t_1_b_idx ON t_1 (b);",
    }
    findings = find(connection, make_specs(tmp_path / "specs", **files))
    assert [(f.rule, f.problem.where, f.problem.remedy[0].partition(" ON ")[0]) for f in findings] == [
        ("invalid-index", "public.t.j", "CREATE INDEX CONCURRENTLY t_1_j_370a460a"),
        ("missing-index", "public.t.k", "CREATE INDEX k"),
    ]


def test_schemas_and_the_search_path(connection: Connection, tmp_path: Path) -> None:
    connection.execute(
        "CREATE SCHEMA one; CREATE SCHEMA two; SET search_path = two, one;"
        "CREATE TABLE one.t (a int); CREATE INDEX i ON one.t (a);"
        "CREATE TABLE two.t (a int); CREATE TABLE one.u (a int); CREATE INDEX j ON one.u (a)"
    )
    files = {
        "t": "CREATE INDEX i ON t (a);",
        "one.t": "CREATE INDEX i ON one.t (a);",
        "u": "CREATE INDEX j ON u (a);",
        "three.t": "CREATE INDEX i ON three.t (a);",
        "v": "CREATE INDEX k ON v (a);",
    }
    found = find(connection, make_specs(tmp_path / "specs", **files))
    assert [(f.rule, f.problem.where, f.problem.message) for f in found] == [
        ("missing-table", "three.t", "table three.t doesn't exist; 1 spec is for it"),
        ("missing-index", "two.t.i", "no index of this definition exists"),
        ("missing-table", "v", "table v doesn't exist in the search_path; 1 spec is for it"),
    ]


def test_one_table_under_two_names(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (a int)")
    text = "CREATE INDEX i ON t (a); CREATE INDEX j ON public.t (a);"
    with pytest.raises(InputError, match=r"the specs name one table twice, as 't' and as 'public.t'; write"):
        find(connection, make_specs(tmp_path / "specs", t=text))


def test_swapped_names(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (a int, b int); CREATE INDEX x ON t (a); CREATE INDEX y ON t (b)")
    (table,) = match(
        connection, make_specs(tmp_path / "s", t="CREATE INDEX x ON t (b); CREATE INDEX y ON t (a);")
    )
    assert [(m.want.name, m.satisfied_by and m.satisfied_by.name) for m in table.matches] == [
        ("x", "y"),
        ("y", "x"),
    ]


def test_allowances(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (a int); CREATE INDEX x ON t (a)")
    text = (
        "-- kc: allow misnamed-index -- known\n-- kc: allow invalid-index -- stale\nCREATE INDEX i ON t (a);"
    )
    (finding,) = find(connection, make_specs(tmp_path / "specs", t=text))
    assert (finding.rule, finding.problem.line, finding.problem.message) == (
        "unused-allowance",
        2,
        "the allowance of invalid-index allows nothing (stale)",
    )


@contextmanager
def one_snapshot(connection: Connection) -> Iterator[None]:
    """What is verified inside is seen in this transaction, which ends after it."""
    with connection.transaction(force_rollback=True), pytest.MonkeyPatch.context() as patch:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SELECT count(*) FROM pg_class")
        patch.setattr(connection, "transaction", nullcontext)
        yield


def test_verify_takes_no_lock_that_blocks(
    connection: Connection, connect: Callable[[], Connection], tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE t (a int, b text); CREATE INDEX i ON t (lower(b)) WHERE a > 1")
    wanted = make_specs(tmp_path / "specs", t="CREATE INDEX i ON t (lower(b)) WHERE a > 1;")
    other = connect()
    other.execute("BEGIN")
    other.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
    with one_snapshot(connection):
        assert find(connection, wanted) == []
        rows = connection.execute(
            "SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        ).fetchall()
    assert rows == [("AccessShareLock",)]


def test_an_index_that_is_dropped_while_we_look(
    connection: Connection, connect: Callable[[], Connection], tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE t (a int, b text); CREATE INDEX i ON t (lower(b)) WHERE a > 1")
    wanted = make_specs(tmp_path / "specs", t="CREATE INDEX i ON t (lower(b)) WHERE a > 1;")
    with one_snapshot(connection):
        connect().execute("DROP INDEX i")
        assert rules_of(find(connection, wanted)) == ["missing-index"]
