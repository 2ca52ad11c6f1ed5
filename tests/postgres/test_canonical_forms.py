"""Differently written expressions: the server's own judgement, and the lock file where it can't be asked."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import InputError, ServerError
from kc_db.findings import Finding
from kc_db.indexes import load_forms
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.lock import lock
from kc_db.indexes.lock_file import NAME, load_lock
from kc_db.indexes.model import Spec
from kc_db.indexes.verify import verify
from tests.conftest import Connection
from tests.indexes import RULEBOOK, find, make_specs, rules_of

TABLE = """CREATE TABLE t (a integer, b text, s varchar(20), ts timestamptz, "Mixed Case" text, d date)"""


def verdict(connection: Connection, folder: Path, spec: str) -> list[str]:
    return rules_of(find(connection, make_specs(folder, t=f"-- Why.\n{spec};")))


def lock_specs(connection: Connection, folder: Path, specs: Sequence[Spec], *, write: bool = True) -> int:
    return lock(connection, folder, [spec.definition for spec in specs], write=write).exit_code


def find_with_lock(connection: Connection, folder: Path, specs: Sequence[Spec]) -> list[Finding]:
    catalog = load_catalog(connection, [spec.definition for spec in specs], load_lock(folder))
    return verify(specs, catalog, RULEBOOK)


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called on, the server can't be asked, as on a standby."""
    return lambda: monkeypatch.setattr(load_forms, "why_silent", lambda _: "it is asleep")


@pytest.mark.parametrize(
    ("live", "spec"),
    [
        ("(lower(b))", "(lower(t.b))"),
        ("(a) WHERE s IN ('x', 'y')", "(a) WHERE s = ANY (ARRAY['x', 'y']::varchar[])"),
        ("(a) WHERE b LIKE 'x%'", "(a) WHERE b ~~ 'x%'"),
        ("(a) WHERE a BETWEEN 1 AND 5", "(a) WHERE a >= 1 AND a <= 5"),
        ("((ts AT TIME ZONE 'UTC'))", "(timezone('UTC', ts))"),
        ("((a + 1) int4_ops)", "((a + 1))"),
        ("(lower(b) text_ops)", '(lower(b) COLLATE "default")'),
        ("(a) WHERE d > '2026-01-02'", "(a) WHERE d > date '2026-01-02'"),
        ('(upper("Mixed Case"))', '(upper(t."Mixed Case"))'),
        ("(trim(b))", "(btrim(b))"),
        ("((CASE WHEN a > 1 THEN 1 ELSE 2 END))", "((CASE WHEN a > 1 THEN 1 ELSE 1 + 1 - 0 END))"),
    ],
)
def test_spellings(connection: Connection, tmp_path: Path, live: str, spec: str) -> None:
    connection.execute(TABLE)
    connection.execute(f"CREATE INDEX i ON t {live}".encode())
    expected = ["different-definition"] if "1 + 1" in spec else []
    assert verdict(connection, tmp_path / "specs", f"CREATE INDEX i ON t {spec}") == expected


def test_a_dump_that_was_restored_is_the_same(connection: Connection, tmp_path: Path) -> None:
    """The server's own words for `varchar IN (...)` mean the same, and are written otherwise again."""
    connection.execute(TABLE)
    spec = "CREATE INDEX i ON t (a) WHERE s IN ('x', 'y')"
    connection.execute(spec.encode())
    (dumped,) = connection.execute("SELECT pg_get_indexdef('i'::regclass)").fetchone() or ("",)
    connection.execute("DROP INDEX i")
    connection.execute(str(dumped).encode())
    (restored,) = connection.execute("SELECT pg_get_indexdef('i'::regclass)").fetchone() or ("",)
    assert dumped != restored
    assert verdict(connection, tmp_path / "specs", spec) == []
    assert verdict(connection, tmp_path / "specs", spec.replace("'y'", "'z'")) == ["different-definition"]


def test_constants_mean_what_they_mean_in_this_roles_sessions(connection: Connection, tmp_path: Path) -> None:
    connection.execute("SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'SQL, DMY'")
    connection.execute(TABLE)
    spec = "CREATE INDEX i ON t (a) WHERE ts > '2026-01-02 03:00' AND d > '02/01/2026'"
    connection.execute(spec.encode())
    assert verdict(connection, tmp_path / "specs", spec) == []
    connection.execute("SET TimeZone = 'UTC'")
    assert verdict(connection, tmp_path / "specs", spec) == ["different-definition"]


def test_nothing_is_left_behind(connection: Connection, tmp_path: Path) -> None:
    connection.execute(TABLE)
    connection.execute("CREATE INDEX i ON t (lower(b))")
    assert verdict(connection, tmp_path / "specs", "CREATE INDEX i ON t (lower(t.b))") == []
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()"
    ).fetchall()
    assert rows == []


def test_tables_of_one_name_in_two_schemas(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE SCHEMA one; CREATE SCHEMA two")
    connection.execute("CREATE TABLE one.t (a integer, b text); CREATE TABLE two.t (a bigint, b varchar(9))")
    connection.execute("CREATE INDEX i ON one.t (a) WHERE b IN ('x', 'y')")
    connection.execute("CREATE INDEX i ON two.t (a) WHERE b IN ('x', 'y')")
    text = "CREATE INDEX i ON {}.t (a) WHERE b = ANY (ARRAY['x', 'y']{});"
    specs = {"one.t": text.format("one", ""), "two.t": text.format("two", "::varchar[]")}
    assert rules_of(find(connection, make_specs(tmp_path / "specs", **specs))) == []


def test_what_the_server_refuses_is_said(connection: Connection, tmp_path: Path) -> None:
    connection.execute(TABLE)
    connection.execute("CREATE INDEX i ON t (lower(b))")
    (finding,) = find(connection, make_specs(tmp_path / "s", t="-- Why.\nCREATE INDEX i ON t (lowr(b));"))
    assert finding.rule == "undetermined-definition"
    assert "function lowr(text) does not exist" in finding.problem.message


SPEC = "CREATE INDEX i ON t (lower(t.b)) WHERE s IN ('x', 'y') AND a <> 7"


def test_the_lock_file_stands_in_for_the_server(
    connection: Connection, tmp_path: Path, mute: Callable[[], None]
) -> None:
    connection.execute(TABLE)
    connection.execute(SPEC.encode())
    folder = tmp_path / "specs"
    specs = make_specs(folder, t=f"-- Why.\n{SPEC};")
    assert lock_specs(connection, folder, specs, write=False) == 1
    assert lock_specs(connection, folder, specs) == 0
    assert lock_specs(connection, folder, specs, write=False) == 0
    mute()
    assert rules_of(find(connection, specs)) == ["undetermined-definition"]
    assert find_with_lock(connection, folder, specs) == []
    (dumped,) = connection.execute("SELECT pg_get_indexdef('i'::regclass)").fetchone() or ("",)
    connection.execute("DROP INDEX i")
    connection.execute(str(dumped).encode())
    assert find_with_lock(connection, folder, specs) == []


@pytest.mark.parametrize(
    ("live", "attribute"),
    [
        (SPEC.replace("'y'", "'z'"), "predicate"),
        (SPEC.replace("<> 7", "<> 8"), "predicate"),
        (SPEC.replace("lower(t.b)", "upper(b)"), "key 1 (lower(b))"),
        (SPEC.replace("lower(t.b)", "lower(b) DESC"), "direction of key 1 (lower(b))"),
        (SPEC.replace("lower(t.b)", 'lower(b) COLLATE "C"'), "collation of key 1 (lower(b))"),
    ],
)
def test_the_lock_file_tells_what_differs(
    connection: Connection, tmp_path: Path, mute: Callable[[], None], live: str, attribute: str
) -> None:
    connection.execute(TABLE)
    connection.execute(live.encode())
    folder = tmp_path / "specs"
    specs = make_specs(folder, t=f"-- Why.\n{SPEC};")
    assert lock_specs(connection, folder, specs) == 0
    mute()
    (finding,) = find_with_lock(connection, folder, specs)
    assert finding.rule == "different-definition"
    assert attribute in [difference.attribute for difference in finding.problem.differences]


@pytest.mark.parametrize(
    ("spec", "change", "why"),
    [
        (SPEC.replace("<> 7", "<> 8"), "", "the spec has changed since"),
        (SPEC, "ALTER TABLE t ALTER s TYPE varchar(30)", "the columns were"),
        (SPEC.replace("INDEX i", "INDEX j"), "", "no spec with an expression has this name"),
    ],
)
def test_stale_entries_are_found_out(  # noqa: PLR0913, PLR0917 - the fixtures and the case
    connection: Connection, tmp_path: Path, mute: Callable[[], None], spec: str, change: str, why: str
) -> None:
    connection.execute(TABLE)
    connection.execute(SPEC.encode())
    folder = tmp_path / "specs"
    lock_specs(connection, folder, make_specs(folder, t=f"-- Why.\n{SPEC};"))
    connection.execute(change.encode())
    specs = make_specs(folder, t=f"-- Why.\n{spec};")
    stale = [f for f in find_with_lock(connection, folder, specs) if f.rule == "stale-canonical-form"]
    assert why in stale[0].problem.message
    mute()
    assert "undetermined-definition" in rules_of(find_with_lock(connection, folder, specs))


def test_other_versions_entries_stay(connection: Connection, tmp_path: Path) -> None:
    connection.execute(TABLE)
    folder = tmp_path / "specs"
    specs = make_specs(folder, t=f"-- Why.\n{SPEC};")
    lock_specs(connection, folder, specs)
    file = folder / NAME
    content = json.loads(file.read_text())
    (version,) = content["postgresql"]
    content["postgresql"]["13"] = content["postgresql"][version]
    file.write_text(json.dumps(content))
    lock_specs(connection, folder, specs)
    assert set(json.loads(file.read_text())["postgresql"]) == {"13", version}


def test_a_lock_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"postgresql": []}')
    with pytest.raises(InputError, match=r"canonical_forms.lock: this isn't what kc-db lock-specs writes"):
        load_lock(tmp_path)


def test_nothing_is_recorded_where_the_server_can_not_be_asked(
    connection: Connection, tmp_path: Path
) -> None:
    connection.execute("DO $$ BEGIN CREATE ROLE kc_plain; EXCEPTION WHEN duplicate_object THEN END $$")
    connection.execute(
        "DO $$ BEGIN EXECUTE format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database()); END $$"
    )
    connection.execute("SET ROLE kc_plain")
    with pytest.raises(ServerError, match="GRANT TEMPORARY ON DATABASE"):
        lock(connection, tmp_path, [], write=True)
    connection.execute("RESET ROLE")


FUNCTIONS = """CREATE SCHEMA ext; CREATE TABLE t (x text);
CREATE FUNCTION ext.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION public.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || 1'"""


@pytest.mark.parametrize(
    ("spec", "live", "expected"),
    [
        ("ext.f(t.x)", "public.f(x)", ["different-definition"]),
        ("ext.f(t.x)", "ext.f(x)", []),
        ("public.f(t.x)", "ext.f(x)", ["different-definition"]),
    ],
)
@pytest.mark.parametrize(("recorded", "read"), [("ext, public", "public"), ("public", "public, ext")])
def test_the_lock_file_means_the_same_in_every_search_path(  # noqa: PLR0913, PLR0917 - the fixtures and the case
    connection: Connection,
    tmp_path: Path,
    mute: Callable[[], None],
    spec: str,
    live: str,
    expected: list[str],
    recorded: str,
    read: str,
) -> None:
    connection.execute(FUNCTIONS)
    connection.execute(f"CREATE INDEX i ON t ({live})".encode())
    specs = make_specs(tmp_path / "specs", t=f"-- Why.\nCREATE INDEX i ON t ({spec});")
    connection.execute(f"SET search_path = {recorded}".encode())
    assert lock_specs(connection, tmp_path / "specs", specs) == 0
    connection.execute(f"SET search_path = {read}".encode())
    mute()
    assert rules_of(find_with_lock(connection, tmp_path / "specs", specs)) == expected


def test_two_spellings_in_the_lock_file_decide_nothing(
    connection: Connection, tmp_path: Path, mute: Callable[[], None]
) -> None:
    connection.execute("CREATE TABLE t (a integer)")
    connection.execute("CREATE INDEX i ON t ((a::bigint)); CREATE INDEX j ON t (abs(a), (a::bigint))")
    text = "CREATE INDEX i ON t (int8(a));\nCREATE INDEX j ON t (abs(t.a), (a::bigint));"
    specs = make_specs(tmp_path / "specs", t=text)
    assert lock_specs(connection, tmp_path / "specs", specs) == 0
    assert rules_of(find(connection, specs)) == []
    mute()
    found = rules_of(find_with_lock(connection, tmp_path / "specs", specs))
    assert set(found) == {"undetermined-definition"}


@pytest.mark.parametrize("broken", ["<<<<<<< HEAD", "SELECT 1; --"])
def test_a_lock_file_after_a_merge(connection: Connection, tmp_path: Path, broken: str) -> None:
    connection.execute(TABLE)
    folder = tmp_path / "specs"
    lock_specs(connection, folder, make_specs(folder, t=f"-- Why.\n{SPEC};"))
    file = folder / NAME
    file.write_text(file.read_text().replace("CREATE INDEX", broken, 1))
    with pytest.raises(InputError, match="this isn't what kc-db lock-specs writes"):
        load_lock(folder)


def test_what_the_server_writes_as_no_sql(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (x xml, a integer)")
    try:
        connection.execute("CREATE INDEX o ON t ((x IS DOCUMENT), a DESC)")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this server is built without XML")
    spec = "CREATE INDEX o ON t ((x IS DOCUMENT), a{});"
    assert rules_of(find(connection, make_specs(tmp_path / "specs", t=spec.format(" DESC")))) == []
    found = rules_of(find(connection, make_specs(tmp_path / "specs", t=spec.format(""))))
    assert found == ["different-definition"]


def test_a_changed_type_leaves_casts_behind(connection: Connection, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t (a integer, v varchar(10))")
    spec = "CREATE INDEX i ON t (a) WHERE v IN ('a', 'b')"
    connection.execute(spec.encode())
    connection.execute("ALTER TABLE t ALTER v TYPE text")
    assert verdict(connection, tmp_path / "specs", spec) == []


def test_a_spec_that_the_server_never_takes(connection: Connection, tmp_path: Path) -> None:
    connection.execute(TABLE)
    connection.execute("CREATE INDEX other ON t ((b || b))")
    specs = make_specs(tmp_path / "specs", t="-- Why.\nCREATE INDEX i ON t (nofunc(b));")
    messages = {finding.rule: finding.problem.message for finding in find(connection, specs)}
    assert "the server takes none: function nofunc(text) does not exist" in messages["missing-index"]
