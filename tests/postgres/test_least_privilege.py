"""What a role needs to verify: CONNECT, and TEMPORARY for expressions; what it lacks, it is told."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import ServerError
from tests.conftest import Connection
from tests.indexes import find, make_specs, rules_of
from tests.servers import Server

ROLE = "kc_reader"


@pytest.fixture
def reader(
    server: Server, connection: Connection, connect: Callable[..., Connection]
) -> Iterator[Connection]:
    """A role that has nothing but CONNECT: not even what PUBLIC has by default."""
    connection.execute(
        f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$".encode()
    )
    database = connection.info.dbname
    connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC".encode())
    connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {ROLE}".encode())
    connection.execute("CREATE SCHEMA app; CREATE TABLE app.t (a integer, b text, UNIQUE (a))")
    connection.execute("CREATE INDEX i ON app.t (lower(b)) WHERE a > 1")
    try:
        yield connect(server.url(database, ROLE))
    except psycopg.OperationalError:
        pytest.skip("this server lets no role in without a password")


SAME = "-- Why.\nCREATE INDEX i ON app.t (lower(b)) WHERE (a > 1);"
OTHERWISE = "-- Why.\nCREATE INDEX i ON app.t (lower(t.b)) WHERE a > '1';"
UNIQUE = "\n-- Why.\nCREATE UNIQUE INDEX t_a_key ON app.t (a);"


def test_connect_suffices(reader: Connection, tmp_path: Path) -> None:
    assert find(reader, make_specs(tmp_path / "specs", **{"app.t": SAME + UNIQUE})) == []


def test_without_temporary_it_is_told_what_to_grant(reader: Connection, tmp_path: Path) -> None:
    (finding,) = find(reader, make_specs(tmp_path / "specs", **{"app.t": OTHERWISE + UNIQUE}))
    assert finding.rule == "undetermined-definition"
    assert f"GRANT TEMPORARY ON DATABASE {reader.info.dbname} TO {ROLE}" in finding.problem.message


def test_with_temporary_it_can_ask(reader: Connection, connection: Connection, tmp_path: Path) -> None:
    connection.execute(f"GRANT TEMPORARY ON DATABASE {reader.info.dbname} TO {ROLE}".encode())
    reader.execute("SET default_transaction_read_only = on")
    assert find(reader, make_specs(tmp_path / "specs", **{"app.t": OTHERWISE + UNIQUE})) == []


def test_a_schema_of_the_search_path_that_is_closed_to_it(reader: Connection, tmp_path: Path) -> None:
    reader.execute("SET search_path = app")
    with pytest.raises(ServerError, match=f"GRANT USAGE ON SCHEMA app TO {ROLE}"):
        find(reader, make_specs(tmp_path / "specs", t=SAME.replace("app.", "")))


def test_a_function_in_a_closed_schema(reader: Connection, connection: Connection, tmp_path: Path) -> None:
    connection.execute(f"GRANT TEMPORARY ON DATABASE {reader.info.dbname} TO {ROLE}".encode())
    connection.execute("CREATE FUNCTION app.plain(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'")
    connection.execute("CREATE INDEX j ON app.t (app.plain(b))")
    spec = "\n-- Why.\nCREATE INDEX j ON app.t (app.plain(t.b));"
    findings = find(reader, make_specs(tmp_path / "specs", **{"app.t": SAME + UNIQUE + spec}))
    assert rules_of(findings) == ["undetermined-definition"]
    assert f"GRANT USAGE ON SCHEMA app TO {ROLE}" in findings[0].problem.message
