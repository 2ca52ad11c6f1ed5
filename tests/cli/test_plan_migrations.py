"""`kc-db plan-migrations` as a user sees it: what would run, whom it blocks, and that nothing is changed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import Connection
from tests.deploys import damage, snapshot, upgrade

INI = "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n"
REVISION = '''\
"""{says}"""

import sqlalchemy as sa
from alembic import op

revision = "{identifier}"
down_revision = {down}


def upgrade():
    {body}
'''
BIG = """
CREATE TABLE t (a int, b int, c text);
INSERT INTO t SELECT n, n % 10, md5(n::text) FROM generate_series(1, 300000) AS n;
VACUUM ANALYZE t;
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrations/versions").mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text(INI)
    return tmp_path


def write(*bodies: str) -> None:
    for number, body in enumerate(bodies, 1):
        down = f'"{number - 1}"' if number > 1 else "None"
        text = REVISION.format(says=f"Step {number}.", identifier=number, down=down, body=body)
        Path(f"migrations/versions/{number}.py").write_text(text)


def run(url: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "kc-db"), "plan-migrations", "--database-url", url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, re.sub(r"\(postgresql://[^)]*\)", "(TARGET)", done.stdout), done.stderr


def make(connection: Connection) -> None:
    for statement in filter(None, map(str.strip, BIG.split(";"))):
        connection.execute(statement.encode())


def test_the_whole_output(connection: Connection, database_url: str) -> None:
    make(connection)
    connection.execute("CREATE INDEX other_name ON t (b)")
    write(
        'op.ensure_index("CREATE INDEX t_a_idx ON t (a)")',
        'op.ensure_index("CREATE INDEX t_b_idx ON t (b)")',
        'op.create_index("t_c_idx", "t", ["c"])',
        'op.create_table("u", sa.Column("id", sa.Integer))',
        'op.ensure_index("CREATE INDEX u_id_idx ON u (id)")',
    )
    before = snapshot(connection)
    code, out, err = run(database_url)
    figures = [r"and \S+ \S+ of indexes", r"about [\d.]+ \S+ on disk", r"rows, \d+ MB"]
    for figure, plain in zip(
        figures, ["and SIZE of indexes", "about SIZE on disk", "rows, SIZE"], strict=True
    ):
        out = re.sub(figure, plain, out)
    expected = """\
        error blocking-statement: revision 3
            keeps writes of public.t out for about 2 s (SHARE, until its transaction ends): CREATE INDEX t_c_idx ON t (c);
            stated in: FOLDER/migrations/versions/3.py

        -- 1: Step 1.
        --   SHARE UPDATE EXCLUSIVE on public.t: keeps out DDL and VACUUM
        --   public.t: 300 000 rows, SIZE, and SIZE of indexes
        --   estimated: about 2 s, about SIZE on disk (builds an index)
        CREATE INDEX CONCURRENTLY t_a_idx ON public.t (a);

        -- 2: Step 2.
        --   nothing to do: t_b_idx is there, named other_name

        -- 3: Step 3.
        --   SHARE on public.t: keeps out writes, DDL and VACUUM
        --   public.t: 300 000 rows, SIZE, and SIZE of indexes
        --   estimated: about 2 s, unknown space on disk (builds an index)
        CREATE INDEX t_c_idx ON t (c);

        -- 4: Step 4.
        CREATE TABLE u (
            id INTEGER
        );

        -- 5: Step 5.
        --   u is made by 4: it is empty then
        CREATE INDEX CONCURRENTLY u_id_idx ON u (id);

        -- times are estimates from fixed rates (100 MB/s read, 200 000 rows/s sorted, 20 MB/s rewritten), without waiting for others; sizes of indexes are estimates from a sample

        plan-migrations (TARGET): at no revision (base); 5 pending revisions, 4 statements: 1 error
        """  # noqa: E501 - the output is that wide
    out = out.replace(str(Path.cwd()), "FOLDER").replace("\t", "    ")
    assert (code, err) == (1, "")
    assert out == dedent(expected)
    assert snapshot(connection) == before


def test_json_has_every_figure(connection: Connection, database_url: str) -> None:
    make(connection)
    write('op.ensure_index("CREATE UNIQUE INDEX t_a_key ON t (a)")')
    code, out, _ = run(database_url, "--format", "json")
    summary = json.loads(out)["summary"]
    (statement,) = summary["revisions"][0]["statements"]
    (table,) = statement["tables"]
    connection.execute("CREATE INDEX t_a_key ON t (a)")
    row = connection.execute("SELECT pg_table_size('t'), pg_relation_size('t_a_key')").fetchone()
    assert row is not None
    assert (code, table["table"], table["rows"], table["size_bytes"]) == (0, "public.t", 300_000, row[0])
    lock = {"on": "public.t", "kind": "table", "mode": "SHARE UPDATE EXCLUSIVE", "blocks": ["DDL", "VACUUM"]}
    assert statement["locks"] == [lock]
    assert statement["space_bytes"] == pytest.approx(row[1], rel=0.1)


def test_an_invalid_leftover_is_dropped_and_built_again(connection: Connection, database_url: str) -> None:
    connection.execute("CREATE TABLE t (a int); CREATE INDEX t_a_idx ON t (a)")
    damage(connection, "t_a_idx")
    write('op.ensure_index("CREATE INDEX t_a_idx ON t (a)")')
    _, out, _ = run(database_url)
    assert "DROP INDEX CONCURRENTLY public.t_a_idx;\n" in out
    assert out.index("DROP INDEX") < out.index("CREATE INDEX CONCURRENTLY t_a_idx")


def test_constraints_keep_nobody_out_for_long(connection: Connection, database_url: str) -> None:
    make(connection)
    write(
        'op.ensure_not_null("a", on="t")',
        'op.ensure_constraint("ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (a)")',
        'op.drop_constraint_online("none", on="t")',
    )
    before = snapshot(connection)
    code, out, err = run(database_url)
    assert (code, err) == (0, "")
    assert "ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY USING INDEX t_pkey;\n" in out
    assert "estimated: less than 1 s (reads the whole table)\nALTER TABLE t VALIDATE" in out.replace(
        "about ", ""
    )
    assert "nothing to do: t.none isn't there" in out
    assert snapshot(connection) == before


def test_a_lock_is_held_until_the_end_of_its_transaction(connection: Connection, database_url: str) -> None:
    make(connection)
    write('op.add_column("t", sa.Column("d", sa.Integer)); op.execute("UPDATE t SET d = 1")')
    code, out, _ = run(database_url)
    assert code == 1
    assert "keeps reads and writes of public.t out for an unknown time" in out


def test_what_an_upgrade_would_be_refused_for(connection: Connection, database_url: str) -> None:
    connection.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (7), (7)")
    connection.execute("CREATE INDEX t_b_idx ON t ((a + 1))")
    write(
        'op.ensure_index("CREATE UNIQUE INDEX t_a_key ON t (a)")',
        'op.ensure_index("CREATE INDEX t_b_idx ON t (a)")',
    )
    code, out, _ = run(database_url, "--free-bytes", "100", "--format", "json")
    rules = {finding["rule"] for finding in json.loads(out)["findings"]}
    assert (code, rules) == (1, {"duplicate-rows", "refused-revision", "not-enough-space"})


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('op.get_bind().execute(sa.text("SELECT 1")).scalar()', "unplannable-revision"),
        ('op.execute("DO $$ BEGIN PERFORM 1; END $$")', "unknown-lock"),
    ],
)
def test_what_cannot_be_told_is_not_called_safe(database_url: str, body: str, rule: str) -> None:
    write(body)
    code, out, _ = run(database_url)
    assert (code, out.startswith(f"undetermined {rule}: revision 1")) == (3, True)


def test_nothing_is_pending(database_url: str) -> None:
    upgrade(database_url)
    repository = Path(__file__).parent.parent.parent
    code, out, _ = run(database_url, "--alembic-config", str(repository / "alembic.ini"))
    assert (code, out) == (0, "plan-migrations (TARGET): at 0010; nothing is pending\n")


def test_another_projects_database(database_url: str) -> None:
    upgrade(database_url, "0001")
    write("pass")
    code, _, err = run(database_url)
    assert code == 2
    assert "'0001'; is alembic.ini of this database's project?" in err


def test_no_configuration(database_url: str) -> None:
    code, _, err = run(database_url, "--alembic-config", "nowhere.ini")
    assert (code, "--alembic-config says where" in err) == (2, True)
