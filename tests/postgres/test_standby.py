"""kc-db verify-indexes on a real streaming standby, and as a role that may do next to nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.indexes import fresh_database, write_specs
from tests.servers import Server
from tests.standby import Pair, can_stream, plain_role, streaming

SETUP = (
    "CREATE TABLE t (a int, b text, v varchar(9), ts timestamptz);"
    "CREATE INDEX plain ON t (a DESC, b) INCLUDE (v) WITH (fillfactor = 70);"
    "CREATE INDEX same ON t (lower(b)) WHERE (a > 3);"
    "CREATE INDEX listed ON t (a) WHERE v IN ('x', 'y');"
    "CREATE INDEX daily ON t (((ts AT TIME ZONE 'UTC')::date))"
)
STRUCTURAL = (
    "CREATE INDEX plain ON t (a DESC NULLS FIRST, b text_ops) INCLUDE (v) WITH (fillfactor = '70');\n"
    "CREATE INDEX same ON t ((lower(b))) WHERE (a > 3);\n"
)
REWRITTEN = (
    "CREATE INDEX listed ON t (a) WHERE v = ANY (ARRAY['x', 'y']::varchar[]);\n"
    "CREATE INDEX daily ON t (CAST(ts AT TIME ZONE 'UTC' AS date));\n"
)
WRONG = "CREATE INDEX listed ON t (a) WHERE v IN ('x', 'z');\n"


@pytest.fixture(scope="module")
def pair(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("a standby is made of the embedded server or of npm's")
    with streaming(where, tmp_path_factory.mktemp("pair")) as servers:
        with psycopg.connect(servers.primary.base_url, autocommit=True) as connection:
            connection.execute(SETUP)
        servers.caught_up()
        yield servers


def kc_db(command: str, url: str, specs: Path, *options: str) -> tuple[int, list[tuple[str, str]]]:
    """The exit code, and the rule and place of each finding but those that are mere information."""
    words = [str(Path(sys.executable).parent / "kc-db"), command, "--specs", str(specs), *options]
    done = subprocess.run(
        [*words, "--database-url", url], capture_output=True, text=True, check=False, timeout=60
    )
    if "json" not in options:
        return done.returncode, []
    assert done.stdout, done.stderr
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, [(f["rule"], f["where"]) for f in findings if f["severity"] != "information"]


def verified(url: str, specs: Path) -> tuple[int, list[tuple[str, str]]]:
    return kc_db("verify-indexes", url, specs, "--format", "json")


def test_it_is_a_standby(pair: Pair) -> None:
    with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
        assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TEMPORARY TABLE x ()")


def test_what_is_structure_is_verified_on_a_standby(pair: Pair, tmp_path: Path) -> None:
    assert verified(pair.standby.base_url, write_specs(tmp_path / "specs", t=STRUCTURAL)) == (0, [])


UNDETERMINED = [
    ("undetermined-definition", "public.t.daily"),
    ("undetermined-definition", "public.t.listed"),
]


def test_what_a_standby_cannot_judge_is_undetermined(pair: Pair, tmp_path: Path) -> None:
    specs = write_specs(tmp_path / "specs", t=STRUCTURAL + REWRITTEN)
    assert verified(pair.primary.base_url, specs) == (0, [])
    assert verified(pair.standby.base_url, specs) == (3, UNDETERMINED)


def test_recorded_forms_give_a_standby_its_verdict(pair: Pair, tmp_path: Path) -> None:
    specs = write_specs(tmp_path / "specs", t=STRUCTURAL + REWRITTEN)
    assert kc_db("lock-specs", pair.primary.base_url, specs) == (0, [])
    assert verified(pair.standby.base_url, specs) == (0, [])


def test_recorded_forms_find_a_difference_on_a_standby(pair: Pair, tmp_path: Path) -> None:
    specs = write_specs(tmp_path / "specs", t=WRONG)
    assert kc_db("lock-specs", pair.primary.base_url, specs) == (0, [])
    assert verified(pair.standby.base_url, specs) == (1, [("different-definition", "public.t.listed")])


def test_forms_recorded_for_another_spec_are_not_trusted(pair: Pair, tmp_path: Path) -> None:
    specs = write_specs(tmp_path / "specs", t=STRUCTURAL + REWRITTEN)
    assert kc_db("lock-specs", pair.primary.base_url, specs) == (0, [])
    write_specs(specs, t=STRUCTURAL + WRONG)
    code, findings = verified(pair.standby.base_url, specs)
    assert (code, ("undetermined-definition", "public.t.listed") in findings) == (3, True)


def test_a_change_on_the_primary_reaches_the_standby(pair: Pair, tmp_path: Path) -> None:
    specs = write_specs(tmp_path / "specs", t="CREATE INDEX late ON t (b, a);")
    assert verified(pair.standby.base_url, specs) == (1, [("missing-index", "public.t.late")])
    with psycopg.connect(pair.primary.base_url, autocommit=True) as connection:
        connection.execute("CREATE INDEX late ON t (b, a)")
        pair.caught_up()
        assert verified(pair.standby.base_url, specs) == (0, [])
        connection.execute("DROP INDEX late")


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SETUP)
        yield connection.info.dbname


def test_a_role_that_may_make_temporary_tables_gets_every_verdict(
    server: Server, database: str, tmp_path: Path
) -> None:
    specs = write_specs(tmp_path / "specs", t=STRUCTURAL + REWRITTEN)
    with plain_role(server, database, may_make_temporary_tables=True) as url:
        assert verified(url, specs) == (0, [])


def test_a_role_that_may_only_connect(server: Server, database: str, tmp_path: Path) -> None:
    structural = write_specs(tmp_path / "structural", t=STRUCTURAL)
    rewritten = write_specs(tmp_path / "rewritten", t=STRUCTURAL + REWRITTEN)
    with plain_role(server, database, may_make_temporary_tables=False) as url:
        assert verified(url, structural) == (0, [])
        assert verified(url, rewritten) == (3, UNDETERMINED)
        assert kc_db("lock-specs", server.url(database), rewritten) == (0, [])
        assert verified(url, rewritten) == (0, [])
