"""What is read of PgBouncer: its configuration, and what its console says (captured from real ones)."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.budget.schema import SourceTable, table_at
from kc_db.budget.sources import Reading, Unknown, pgbouncer_ini, pgbouncer_live
from kc_db.database import Target
from kc_db.errors import InputError, ServerError

DATA = Path(__file__).parents[1] / "data/sources/pgbouncer"
VERSIONS = ("1.18", "1.24", "1.26")
SECRET = "geheim"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found_in(text: str | bytes, **others: str) -> dict[str, object]:
    """What is read of an ini in the working directory, without pgbouncer's path before it."""
    Path("pgbouncer.ini").write_bytes(text.encode() if isinstance(text, str) else text)
    for name, content in others.items():
        Path(name).write_text(content, encoding="utf-8")
    return values(checked(pgbouncer_ini.read(SourceTable(kind="pgbouncer-ini", file="pgbouncer.ini"))))


def checked(readings: Iterator[Reading]) -> list[Reading]:
    """The readings, each of which there is once, on one line, and which a budget file can say."""
    found = list(readings)
    assert len({reading.path for reading in found}) == len(found)
    for reading in found:
        assert reading.origin.isprintable()
        table = table_at(reading.path[:-1])
        assert table is not None
        assert reading.path[-1] in table.model_fields
        if not isinstance(reading.value, Unknown):
            table.model_validate({reading.path[-1]: reading.value})
    return found


def values(readings: list[Reading]) -> dict[str, object]:
    return {".".join(reading.path[2:]): reading.value for reading in readings}


def mistake(text: str | bytes, **others: str) -> str:
    with pytest.raises(InputError) as caught:
        found_in(text, **others)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    return message


def test_a_whole_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    source = SourceTable(kind="pgbouncer-ini", file="pgbouncer.ini", pooler="front")
    found = checked(pgbouncer_ini.read(source))
    assert all(reading.path[:2] == ("poolers", "front") for reading in found)
    lines = [f"{'.'.join(reading.path[2:])} | {reading.value} | {reading.origin}" for reading in found]
    assert lines == (DATA / "pgbouncer.txt").read_text().splitlines()
    assert not any("secret" in line for line in lines)


MAIN = "[databases]\n{}\n[pgbouncer]\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [  # each was tried on PgBouncer 1.18, 1.24 and 1.26
        ("a =", {}),
        ("a = host=h pool_size=4", {"pool_size": 4}),
        ("a=host = h  pool_size =  4 ", {"pool_size": 4}),
        ("  a\t=\thost=h pool_size=4\r", {"pool_size": 4}),
        ("\v a = pool_size=4\v", {"pool_size": 4}),
        ("a = pool_size=3 pool_size=4", {"pool_size": 4}),
        ("a = pool_size=3\na = host=h", {}),
        ("a = user=owner pool_size=3\na = host=h", {"user": "owner"}),
        ("a = user=owner\na = user=other", {"user": "other"}),
        ("a = password='x''y = pool_size=9' pool_size='4'", {"pool_size": 4}),
        ("a = password=x'y pool_size=4", {"pool_size": 4}),
        ("a = password='x'_pool_size=9 pool_size=4", {"pool_size": 4}),
        ("a = connect_query=select=1 pool_size=4", {"pool_size": 4}),
        ("a = pool_size=2.5", {"pool_size": 2}),
        ("a = pool_size=' 4' max_db_connections=+3", {"pool_size": 4, "max_db_connections": 3}),
        ("a = pool_size=08", {"pool_size": 8}),
        ("a = pool_size=0x10", {"pool_size": 0}),
        ("a = pool_size=0", {"pool_size": 0}),
        ("a = pool_size=-1 reserve_pool=-2 max_db_connections=-3", {}),
        ("a = pool_size=1000000", {"pool_size": 262_143}),
        ("a = reserve_pool=2", {"reserve_pool_size": 2}),
        ("a = reserve_pool_size=2", {"reserve_pool_size": 2}),
        ("a = reserve_pool_size=2 reserve_pool=3", {"reserve_pool_size": 3}),
        ("a = pool_mode=Statement auth_user='the auth'", {"pool_mode": "statement", "auth_user": "the auth"}),
        ("; b = host=h\n# c = host=h\na =", {}),
        ("[users]\n[databases] a = pool_size=4", {"pool_size": 4}),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_line_of_databases(line: str, expected: dict[str, object]) -> None:
    found = found_in(MAIN.format(line))
    read = {key: value for key, value in found.items() if key.startswith("databases")}
    expected = {"max_db_connections": 0, **expected}
    assert read == {f"databases.a.{key}": value for key, value in expected.items()}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [  # each was tried, too
        ("", {}),
        ("default_pool_size = 3\ndefault_pool_size = 4", {"default_pool_size": 4}),
        ("[users]\n[pgbouncer]\ndefault_pool_size=3", {"default_pool_size": 3}),
        ("default_pool_size = 3\n[pgbouncer]\nmax_client_conn=7", {"max_client_conn": 7}),
        ("default_pool_size = 0x10", {"default_pool_size": 16}),
        ("default_pool_size = 010\nmax_client_conn=+7", {"default_pool_size": 8, "max_client_conn": 7}),
        ("default_pool_size = 0", {"default_pool_size": 0}),
        ("max_db_connections = -3\nmax_user_connections = -1\nreserve_pool_size = -1", {}),
        ("pool_mode = Transaction", {"pool_mode": "transaction"}),
        ("reserve_pool_size = 4\nreserve_pool_timeout = 0.4", {"reserve_pool_size": 4}),
        ("reserve_pool_size = 4\nreserve_pool_timeout = 0.0", {}),
        ("auth_user = joe\nauth_dbname = auth", {"auth_user": "joe", "auth_dbname": "auth"}),
        ("auth_user =\nauth_dbname =", {}),
        ("auth_dbname = auth\n[databases]\na = auth_dbname=b", {"databases.a.max_db_connections": 0}),
        ("unheard_of = 3", {}),
    ],
)
@pytest.mark.usefixtures("folder")
def test_lines_of_pgbouncer(lines: str, expected: dict[str, object]) -> None:
    defaults = {
        "kind": "pgbouncer",
        "max_client_conn": 100,
        "default_pool_size": 20,
        "reserve_pool_size": 0,
        "max_db_connections": 0,
        "max_user_connections": 0,
        "pool_mode": "session",
    }
    assert found_in(f"[pgbouncer]\n{lines}") == {**defaults, **expected}


@pytest.mark.usefixtures("folder")
def test_without_a_timeout_no_reserve_is_ever_used() -> None:
    found = found_in(
        "[databases]\na = reserve_pool=3\n[users]\nu = reserve_pool_size=2 pool_size=1\n"
        "[pgbouncer]\nreserve_pool_timeout = 0\nreserve_pool_size = 5"
    )
    assert {key: value for key, value in found.items() if "reserve" in key} == {"reserve_pool_size": 0}


@pytest.mark.usefixtures("folder")
def test_users() -> None:
    found = found_in(
        "[users]\na = pool_size=3 max_user_connections=4\na = reserve_pool_size=1\n"
        "b = max_user_connections=-1\nc = pool_mode=session pool_size=0\n"
        "[peers]\n1 = host=h pool_size=5\n[pgbouncer]\nauth_file = users.txt",
        **{
            "users.txt": f'; "x" "y"\n"b" "{SECRET}"\n  "d"\n"e{SECRET}"\n'
            '"f""g"\t"a""b" junk "h" "i"\n"f""g" ""\n"" ""'
        },
    )
    assert {key: value for key, value in found.items() if key.startswith("users")} == {
        "users.a.reserve_pool_size": 1,
        "users.a.max_user_connections": 0,
        "users.b.max_user_connections": 0,
        "users.c.pool_size": 0,
        "users.c.max_user_connections": 0,
        "users.d.max_user_connections": 0,
        'users.f"g.max_user_connections': 0,
    }


@pytest.mark.parametrize(
    "name", ["users.txt", "/etc/nowhere/users.txt", "../nowhere/users.txt", "~/users.txt"]
)
@pytest.mark.usefixtures("folder")
def test_a_file_is_found_beside_the_configuration(name: str) -> None:
    found = found_in(
        f"[pgbouncer]\nauth_file = {name}\n%include {name}.ini",
        **{"users.txt.ini": "", "users.txt": '"a" ""'},
    )
    assert "users.a.max_user_connections" in found


@pytest.mark.parametrize("name", ["nowhere.txt", "/proc/1/nowhere", ".", "x" * 5000, ""])
@pytest.mark.usefixtures("folder")
def test_a_list_of_users_that_is_not_there_is_no_mistake(name: str) -> None:
    assert not [key for key in found_in(f"[pgbouncer]\nauth_file = {name}") if key.startswith("users")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_nor_is_one_that_may_not_be_read(folder: Path) -> None:
    (folder / "users.txt").touch(mode=0)
    assert found_in("[pgbouncer]\nauth_file = users.txt")


def test_a_section_goes_on_through_included_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/sizes.ini").write_text("default_pool_size = 3\n%include sub/more.ini  \nw = pool_size=5")
    (folder / "sub/more.ini").write_text("max_client_conn = 7\n[users]\nu = pool_size=2")
    found = found_in("[pgbouncer]\n%include\tsub/sizes.ini\r\nv = pool_size=4")
    assert (found["default_pool_size"], found["max_client_conn"]) == (3, 7)
    assert [found[f"users.{user}.pool_size"] for user in "uwv"] == [2, 5, 4]  # all after [users]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "pgbouncer.ini: no section [pgbouncer]; name the file that PgBouncer is started with"),
        ("[databases]\na = host=h", "pgbouncer.ini: no section [pgbouncer]"),
        ("a = host=h\n[pgbouncer]", "pgbouncer.ini:1: it belongs to no section"),
        (
            "[pgbouncer]\n\n[database]\n",
            "pgbouncer.ini:3: PgBouncer has no such section; did you mean databases?",
        ),
        ("[pgbouncer]\n[ databases ]", "pgbouncer.ini:2: PgBouncer has no such section"),
        ("[pgbouncer]\n[users", "pgbouncer.ini:2: neither a [section] nor name = value"),
        ("[pgbouncer]\nfoo\nbar = 3", "pgbouncer.ini:2: neither a [section] nor name = value"),
        (
            '[databases]\n"a b" = host=h',
            "pgbouncer.ini:2: neither a [section] nor name = value; names are letters",
        ),
        ("[databases]\nbüro = host=h", "pgbouncer.ini:2: neither a [section] nor name = value"),
        ("[databases]\n= host=h", "pgbouncer.ini:2: neither a [section] nor name = value"),
        ("[databases]\na: host=h", "pgbouncer.ini:2: neither a [section] nor name = value"),
        ("[databases]\n%include", "pgbouncer.ini:2: neither a [section] nor name = value"),
        ("\ufeff[pgbouncer]", "pgbouncer.ini: begins with a byte order mark"),
        (b"[pgbouncer]\n\0", "pgbouncer.ini: not a text file"),
        ("[pgbouncer]\n%include no.ini", "pgbouncer.ini:2: %include: no file no.ini, neither there nor"),
        (
            "[pgbouncer]\n%include 'pgbouncer.ini'",
            "pgbouncer.ini:2: %include: no file 'pgbouncer.ini', neither",
        ),
        ("[pgbouncer]\n%include pgbouncer.ini", "pgbouncer.ini:2: %include is nested more than 10 deep"),
        (
            "[databases]\npgbouncer = host=h\n[pgbouncer]",
            "pgbouncer.ini:2: the database pgbouncer is PgBouncer's own",
        ),
        *(
            (
                f"[pgbouncer]\n\ndefault_pool_size = {value}",
                "pgbouncer.ini:3: default_pool_size must be a whole number",
            )
            for value in (
                "",
                "5x",
                "'5'",
                "5 ; five",
                "1e3",
                "2.5",
                "- 1",
                "08",
                "0b11",
                "٣",
                "${SIZE}",
                SECRET,
            )
        ),
        ("[pgbouncer]\ndefault_pool_size = -1", "pgbouncer.ini:2: default_pool_size must be at least 0"),
        *(
            (
                f"[pgbouncer]\nmax_client_conn = {value}",
                "pgbouncer.ini:2: max_client_conn is more than PgBouncer can hold",
            )
            for value in ("3000000000", "-0x80000001", "9" * 5000)
        ),
        (
            "[pgbouncer]\npool_mode =",
            "pgbouncer.ini:2: pool_mode must be one of session, transaction, statement",
        ),
        *(
            (
                f"[pgbouncer]\n[databases]\na = {value}",
                "pgbouncer.ini:3: databases.a isn't key=value pairs; quote values",
            )
            for value in (
                f"host=h password={SECRET} word",
                f"host=h password='{SECRET}",
                f"password='{SECRET}''",
                "pool_size=4 ; four",
                "pool_size=4 # four",
                "host=h \\",
                "pool_size=",
                "password=''",
                "password='''",
                "foo",
                "= 3",
                "host=h \t pool_size=4",
            )
        ),
        (
            "[databases]\na = pool_size=${SIZE}\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.pool_size must be a whole",
        ),
        (
            "[databases]\na = max_db_connections=x\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.max_db_connections must be",
        ),
        (
            "[databases]\na = pool_size=4294967299\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.pool_size is more than",
        ),
        (
            "[databases]\na = pool_mode=x\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.pool_mode must be one of",
        ),
        (
            f"[databases]\na = host= password={SECRET}\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.host has a = in it",
        ),
        (
            f"[databases]\na = user=u\tpassword={SECRET}\n[pgbouncer]",
            "pgbouncer.ini:2: databases.a.user has a = in it",
        ),
        (
            "[users]\nu = pool_size=2\tx=y\n[pgbouncer]",
            "pgbouncer.ini:2: users.u.pool_size has a = in it; give it a",
        ),
        (
            "[users]\nu = max_user_connections=x\n[pgbouncer]",
            "pgbouncer.ini:2: users.u.max_user_connections must be",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_one_mistake_is_one_line(text: str | bytes, expected: str) -> None:
    assert mistake(text).startswith(expected)


@pytest.mark.parametrize(
    "text", ['"a" "x"\n# comment\n', f'"a" "x"\nb {SECRET}', '"a" "x"\n"b" "x', f'"a" "x"\n"{SECRET}', '\n"b']
)
@pytest.mark.usefixtures("folder")
def test_a_list_of_users_that_ends_too_early(text: str) -> None:
    message = mistake("[pgbouncer]\nauth_file = users.txt", **{"users.txt": text})
    assert message.startswith('users.txt:2: not "user" "password"; PgBouncer ignores the rest of this file')


@pytest.mark.parametrize("file", ["nowhere.ini", ".", "x\0y", "x" * 5000])
@pytest.mark.usefixtures("folder")
def test_a_file_that_can_not_be_read(file: str) -> None:
    with pytest.raises(InputError, match=r"can't be read: .*; name the file that holds it|no file can have"):
        list(pgbouncer_ini.read(SourceTable(kind="pgbouncer-ini", file=file)))


def test_without_a_file() -> None:
    with pytest.raises(InputError, match=r'needs file = "<pgbouncer\.ini>"'):
        list(pgbouncer_ini.read(SourceTable(kind="pgbouncer-ini")))


@pytest.mark.usefixtures("folder")
def test_bytes_that_are_not_utf8_are_no_mistake_in_a_comment() -> None:
    assert found_in("; Größe\n[pgbouncer]\n".encode("latin-1"))["kind"] == "pgbouncer"


WHOLE = (DATA / "pgbouncer.ini").read_text() + (DATA / "databases.ini").read_text()
PIECES = [
    "'",
    '"',
    "=",
    " ",
    "\t",
    "\n",
    ";",
    "[",
    "]",
    "%include pgbouncer.ini\n",
    "\0",
    "-1",
    "9" * 30,
    "ü",
    "''",
    "*",
]


@settings(max_examples=300)
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(0, len(WHOLE)), st.integers(0, 30), st.sampled_from(PIECES) | st.text(max_size=3)
        ),
        max_size=6,
    )
)
def test_whatever_stands_in_it(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int, str]]
) -> None:
    text = WHOLE.replace("%include databases.ini", "")
    for place, length, instead in cuts:
        text = text[:place] + instead + text[place + length :]
    file = tmp_path_factory.getbasetemp() / "mutated.ini"
    file.write_bytes(text.encode(errors="replace"))
    try:
        checked(pgbouncer_ini.read(SourceTable(kind="pgbouncer-ini", file=str(file))))
    except InputError as error:
        assert str(error).isprintable()  # noqa: PT017 - there may be none


def console(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[dict[str, Any]]]) -> list[Reading]:
    """What is read of a console that gives these answers."""

    @contextmanager
    def connected(_target: Target, _command: str, _identity: str) -> Iterator[None]:
        yield None

    monkeypatch.setattr(pgbouncer_live, "connect", connected)
    monkeypatch.setattr(pgbouncer_live, "_rows", lambda _connection, command: answers[command])
    source = SourceTable(kind="pgbouncer-live", url="postgresql://kc@pooler:6432")
    return checked(pgbouncer_live.read(source))


def captured(version: str) -> dict[str, list[dict[str, Any]]]:
    """What real ones of Debian said, all with one configuration (but that 1.18 knows no size of a user)."""
    found: dict[str, list[dict[str, Any]]] = json.loads((DATA / f"console-{version}.json").read_text())
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_whole_console(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    found = values(console(monkeypatch, captured(version)))
    users = {key: found.pop(key) for key in list(found) if key.startswith("users")}
    unlimited = Unknown(
        "PgBouncer 1.18.0 doesn't show the limits of single users, which count before max_user_connections; "
        "read its configuration too, as pgbouncer-ini"
    )
    assert found == {
        "kind": "pgbouncer",
        "version": {"1.18": "1.18.0", "1.24": "1.24.1", "1.26": "1.26.1"}[version],
        "max_client_conn": 50,
        "default_pool_size": 3,
        "reserve_pool_size": 2,
        "max_db_connections": 20,
        "max_user_connections": unlimited if version == "1.18" else 9,
        "pool_mode": "transaction",
        "databases.archive.pool_size": 3,
        "databases.archive.reserve_pool_size": 2,
        "databases.archive.max_db_connections": 20,
        "databases.orders.pool_size": 2,
        "databases.orders.reserve_pool_size": 2,
        "databases.orders.max_db_connections": 7,
        "databases.reports.user": "owner",
        "databases.reports.pool_mode": "session",
        "databases.reports.pool_size": 3,
        "databases.reports.reserve_pool_size": 1,
        "databases.reports.max_db_connections": 20,
    }
    names = ["bookings", "boss", "courses", "kc", *(["owner"] if version != "1.18" else []), "payments"]
    default = 0 if version == "1.18" else 9
    limits = {f"users.{name}.max_user_connections": default for name in names}
    if version != "1.18":
        limits |= {"users.bookings.max_user_connections": 30, "users.bookings.pool_size": 40}
    if version == "1.24":  # shows the size of the only user with one for all that follow
        limits |= {f"users.{name}.pool_size": 40 for name in names}
    assert users == limits


def answers(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """A small console of 1.24, with changes: a config, databases, users, pools."""
    config = {
        "default_pool_size": "10",
        "reserve_pool_size": "2",
        "max_user_connections": "0",
        **changes.get("config", {}),
    }
    database = {"force_user": None, "pool_size": 10, "reserve_pool_size": 2, "max_connections": 0}
    return {
        "SHOW VERSION": [{"version": changes.get("version", "PgBouncer 1.24.1")}],
        "SHOW CONFIG": [{"key": key, "value": value} for key, value in config.items()],
        "SHOW DATABASES": [
            {"name": name, **database, **row} for name, row in changes.get("databases", {}).items()
        ],
        "SHOW USERS": [{"name": name, **row} for name, row in changes.get("users", {}).items()],
        "SHOW POOLS": [{"database": name, "user": user} for name, user in changes.get("pools", ())],
    }


def test_in_doubt_the_larger_size_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    users = {
        "a": {"pool_size": "        3", "reserve_pool_size": "", "max_user_connections": 0},
        "b": {"pool_size": "        3", "reserve_pool_size": "        1", "max_user_connections": 0},
        "c": {"pool_size": "       30", "reserve_pool_size": "        1", "max_user_connections": -1},
        "d": {"pool_size": "       30", "reserve_pool_size": "        0", "max_user_connections": 4},
    }
    databases = {"x": {"pool_size": 12, "reserve_pool_size": 5}, "y": {}}
    found = console(monkeypatch, answers(users=users, databases=databases))
    sizes = {".".join(reading.path[3:]): reading for reading in found if reading.path[2] == "users"}
    assert {key: reading.value for key, reading in sizes.items()} == {
        "a.pool_size": 3,
        "a.max_user_connections": 0,
        "b.pool_size": 12,
        "b.reserve_pool_size": 1,
        "b.max_user_connections": 0,
        "c.pool_size": 30,
        "c.reserve_pool_size": 5,
        "c.max_user_connections": 0,
        "d.pool_size": 30,
        "d.reserve_pool_size": 0,
        "d.max_user_connections": 4,
    }
    assert "(at most: 1.24.1 may be wrong)" in sizes["b.pool_size"].origin
    found = console(monkeypatch, answers(users=users, version="PgBouncer 1.26.0"))
    assert values(found)["users.b.pool_size"] == 3


def test_who_has_a_pool_is_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    databases = {"a": {}, "b": {"force_user": "owner"}}
    pools = [("a", "u1"), ("a", "auth"), ("b", "owner"), ("pgbouncer", "pgbouncer"), ("a", "pgbouncer")]
    users = {"pgbouncer": {"max_user_connections": 3}, "u2": {"max_user_connections": 0}}

    def names(**config: str) -> set[str]:
        found = console(monkeypatch, answers(databases=databases, pools=pools, users=users, config=config))
        return {reading.path[3] for reading in found if reading.path[2] == "users"}

    assert names() == {"u1", "u2", "auth", "pgbouncer"}
    assert names(auth_user="auth") == {"u1", "u2", "pgbouncer"}
    assert names(auth_user="auth", auth_dbname="a") == {"u1", "u2", "pgbouncer"}
    assert names(auth_user="auth", auth_dbname="c") == {"u1", "u2", "auth", "pgbouncer"}
    pools.pop()
    assert names() == {"u1", "u2", "auth"}


def test_reserves_that_are_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    users = {"u": {"pool_size": "", "reserve_pool_size": "        3", "max_user_connections": 0}}
    found = values(
        console(monkeypatch, answers(config={"reserve_pool_timeout": "0"}, users=users, databases={"a": {}}))
    )
    assert (found["reserve_pool_size"], found["databases.a.reserve_pool_size"]) == (0, 0)
    assert "users.u.reserve_pool_size" not in found


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://kc:{SECRET}@pooler:6432",
        f"postgresql://kc:{SECRET}@pooler:6432/",
        f"postgresql://kc:{SECRET}@pooler:6432/pgbouncer",
        "postgresql://kc:${PASSWORD}@pooler:6432?sslmode=require",
    ],
)
def test_the_console_is_a_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    from psycopg.conninfo import conninfo_to_dict

    monkeypatch.setenv("PASSWORD", SECRET)
    target = pgbouncer_live._target(url)
    assert target.label == "postgresql://kc@pooler:6432/pgbouncer"
    parameters = conninfo_to_dict(target.conninfo)
    assert (parameters["dbname"], parameters["password"], parameters["port"]) == ("pgbouncer", SECRET, "6432")


def test_a_service_may_name_the_console() -> None:
    target = pgbouncer_live._target("postgresql://?service=pooler")
    assert target.label == "service pooler"
    assert "dbname=pgbouncer" in target.conninfo


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, 'a source of kind "pgbouncer-live" needs url ='),
        (
            f"postgresql://kc:{SECRET}@pooler/orders",
            "url of pgbouncer-live: PgBouncer's console is the database pgb",
        ),
        (
            "postgresql://kc:${KC_DB_NOWHERE}@pooler",
            "url of pgbouncer-live: the environment has no KC_DB_NOWHERE",
        ),
        (f"mysql://kc:{SECRET}@pooler", "url of pgbouncer-live: the database URL has scheme 'mysql'"),
        ("embedded:", "url of pgbouncer-live: embedded: is no PgBouncer"),
    ],
)
def test_a_url_that_leads_elsewhere(url: str | None, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        list(pgbouncer_live.read(SourceTable(kind="pgbouncer-live", url=url)))
    assert str(caught.value).startswith(expected)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("said", ["Odyssey 1.3", "", "PostgreSQL 16.1"])
def test_what_is_not_pgbouncer(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    with pytest.raises(
        ServerError, match=r"pooler:6432/pgbouncer: doesn't say that it is PgBouncer 1.12 or later"
    ):
        console(monkeypatch, answers(version=said))


@pytest.mark.parametrize("command", ["SHOW CONFIG", "SHOW DATABASES", "SHOW USERS", "SHOW POOLS"])
def test_a_console_that_lacks_a_column(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    with pytest.raises(ServerError, match=r"pgbouncer: its console's answers lack the column '\w+'$"):
        console(monkeypatch, {**answers(databases={"a": {}}), command: [{"other": "pool_mode"}]})
