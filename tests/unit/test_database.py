import re
import traceback
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kc_db.database import Target, connect, explain_error, find_target, open_connection, translated_errors
from kc_db.errors import InputError, ServerError

PASSWORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=4)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "PGHOST", "PGSERVICE", "PGDATABASE", "PGCONNECT_TIMEOUT", "PGUSER", "PGPORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_scheme_means_the_same(scheme: str) -> None:
    target = find_target(f"{scheme}://me:pw@db.internal:6432/app?sslmode=require")
    assert target == Target(
        "postgresql://me@db.internal:6432/app", "postgresql://me:pw@db.internal:6432/app?sslmode=require"
    )


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("postgresql://db/app", "postgresql://db/app"),
        ("postgresql:///app", "postgresql://localhost/app"),
        ("postgresql://me@/app?host=%2Frun%2Fpg", "postgresql://me@/run/pg/app"),
        ("postgresql://a:1,b:2/app", "postgresql://a,b:1,2/app"),
        ("postgresql://[::1]:5432/app", "postgresql://::1:5432/app"),
        ("postgresql:///?service=prod", "service prod"),
        ("postgresql://me:p%40ss@db/app", "postgresql://me@db/app"),
        ("  postgresql://db/app\n", "postgresql://db/app"),
    ],
)
def test_a_label_says_where_to(url: str, label: str) -> None:
    assert find_target(url).label == label


@pytest.mark.parametrize(
    ("url", "folder"),
    [("embedded:", ".kc-db/postgres"), ("embedded:here", "here"), ("embedded:/a/b", "/a/b")],
)
def test_embedded_names_a_folder(url: str, folder: str) -> None:
    assert find_target(url) == Target(url, "", Path(folder).absolute())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgressql://me:sekret@db/app", r"scheme 'postgressql'.* did you mean postgresql://\?"),
        ("posgres://me:sekret@db/app", r"did you mean postgres://\?"),
        ("postgresql+psycopg2://me:sekret@db/app", r"did you mean postgresql\+psycopg://\?"),
        ("mysql://me:sekret@db/app", "scheme 'mysql', which is not PostgreSQL's; set DATABASE_URL="),
        ("host=db password=sekret dbname=app", "no scheme.* set DATABASE_URL="),
        ("postgresql//me:sekret@db/app", "no scheme"),
        ("postgresql:me:sekret@db/app", "no scheme"),
        ("me:sekret@db/app", "no scheme"),
        ("sekret-sekret-sekret-sekret://", "no scheme"),
        ("me:sekret@db://", "no scheme"),
        ("embeded:", r"no scheme.*; did you mean embedded:\?"),
        ("postgresql://me:sek%ret@db/app", "can't be parsed.* percent-encoded"),
        ("postgresql://me:sekret@db/app?nonsense=1", "can't be parsed"),
        ("postgresql://me:sek@ret@db/app", r"@ in the wrong place.*\(@ is %40"),
        ("postgresql://me:sek/ret@db/app", "@ in the wrong place.* / is %2F"),
        ("postgresql://me:sek?host=ret@db/app", "@ in the wrong place"),
        ("postgresql://db:sekret/app", "port isn't a number from 1 to 65535"),
        ("postgresql://db:70000/app", "port isn't a number from 1 to 65535"),
        ("postgresql://db:0/app", "port isn't a number"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        find_target(url)
    assert not re.search("sek|sekret|ret@", str(caught.value))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("url", [None, "", "  \n"])
@pytest.mark.parametrize("environment", [{}, {"PGUSER": "me", "PGPORT": "5432"}, {"PGHOST": ""}])
def test_without_a_name_no_database_is_guessed(url: str | None, environment: dict[str, str]) -> None:
    with pytest.raises(InputError, match="no database is named; set DATABASE_URL="):
        find_target(url, environment)


@pytest.mark.parametrize(
    ("environment", "label"),
    [
        ({"PGHOST": "db"}, "postgresql://db/"),
        ({"PGHOSTADDR": "10.0.0.1", "PGPORT": "6432"}, "postgresql://10.0.0.1:6432/"),
        (
            {"PGDATABASE": "app", "PGUSER": "me", "PGPASSWORD": "sekret"},
            "postgresql://me@localhost/app",
        ),
        ({"PGSERVICE": "prod", "PGUSER": "me"}, "service prod"),
    ],
)
def test_libpqs_own_variables_name_a_database(environment: dict[str, str], label: str) -> None:
    assert find_target(None, environment) == Target(label, "")


def test_a_url_goes_before_the_variables() -> None:
    assert find_target("postgresql://db/app", {"PGHOST": "other"}).label == "postgresql://db/app"


@given(PASSWORDS)
@example("p@ss/word")
@example("pa?host=evil")
@example("%%%%")
@example("1234?")
def test_a_password_as_it_is_shows_nowhere(password: str) -> None:
    _shows_nowhere(password, f"postgresql://me:{password}@db.internal/app")


@given(PASSWORDS)
def test_an_encoded_password_shows_nowhere(password: str) -> None:
    url = f"postgresql://me:{quote(password, safe='')}@db.internal/app"
    _shows_nowhere(password, url)
    said = psycopg.OperationalError(f'connection failed: no "{password}" here')
    assert password not in explain_error(said, url, "db")


def _shows_nowhere(password: str, url: str) -> None:
    try:
        target = find_target(url)
    except InputError as error:
        said = "".join(traceback.format_exception(error)).partition("InputError: ")[2]
    else:
        said = f"{target} {target!r} {target.label}"
    harmless = "".join((*_EVERY_MESSAGE, repr(Target("postgresql://me@db.internal/app", ""))))
    assume(password not in harmless)
    assert password not in said


_EVERY_MESSAGE = []
for _wrong in ("", "x://", "postgresql://db:x/", "postgresql://a@b@c/", "postgresql://%%%"):
    with pytest.raises(InputError) as _caught:
        find_target(_wrong, {})
    _EVERY_MESSAGE.append(str(_caught.value))


def test_a_server_that_is_down_is_one_line(unused_tcp_port: int) -> None:
    target = find_target(f"postgresql://me:sekret@127.0.0.1:{unused_tcp_port}/app")
    with pytest.raises(ServerError) as caught, connect(target, "test", "x"):
        pass
    message = str(caught.value)
    assert message.startswith(f"can't reach postgresql://me@127.0.0.1:{unused_tcp_port}/app: connection to")
    assert message.endswith("check host, port, user and database")
    assert "\n" not in message
    assert "sekret" not in message
    assert caught.value.exit_code == 3


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_environments_password_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "sekret")
    assert "sekret" not in explain_error(psycopg.OperationalError("sekret is wrong"), "", "db")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (psycopg.errors.InsufficientPrivilege("permission denied"), "connect as the table's owner"),
        (psycopg.errors.LockNotAvailable("lock timeout"), "another session holds it: run this again"),
    ],
)
def test_an_error_says_what_to_do_next(error: psycopg.Error, advice: str) -> None:
    assert advice in explain_error(error, "", "db")


def test_only_drivers_errors_are_translated() -> None:
    with pytest.raises(ZeroDivisionError), translated_errors("", "db"):
        _ = 1 / 0


@pytest.mark.parametrize(
    ("conninfo", "variable", "expected"),
    [
        ("host=db", None, {"connect_timeout": 10}),
        ("host=db connect_timeout=3", None, {}),
        ("host=db", "4", {}),
    ],
)
def test_a_given_timeout_goes_before_ours(
    monkeypatch: pytest.MonkeyPatch, conninfo: str, variable: str | None, expected: dict[str, int]
) -> None:
    given_to_driver = {}
    monkeypatch.setattr(psycopg, "connect", lambda _, **options: given_to_driver.update(options))
    if variable:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", variable)
    open_connection(conninfo, "test", "id")
    assert given_to_driver == {"application_name": "kc-db/test id", **expected}
