"""Many databases for one run: by option, in a file, with variables, and every way to get it wrong."""

from pathlib import Path

import pytest

from kc_db.errors import InputError, KcDbError, NothingToCheckError
from kc_db.targets import find_targets

FILE = """\
# The fleet.
eu = postgresql://reader:${EU_PASSWORD}@eu.internal/app   # the oldest

postgresql://reader@us.internal:5433/app
${AP_URL}
tr.test-1=postgres://h/d?options=-csearch_path%3Da
local = embedded:folder=1
postgresql:///?service=backup
"""
ENVIRONMENT = {"EU_PASSWORD": "p@ss/w#rd", "AP_URL": "postgresql://me:s3cr3t@ap.internal/app"}


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "databases.txt"
    file.write_text(FILE, encoding="utf-8-sig")
    targets = find_targets(["first = postgresql://h/first", " postgresql://h/second "], [file], ENVIRONMENT)
    assert [target.label for target in targets] == [
        "first",
        "postgresql://h/second",
        "eu",
        "postgresql://reader@us.internal:5433/app",
        "postgresql://me@ap.internal/app",
        "tr.test-1",
        "local",
        "service backup",
    ]
    assert targets[2].conninfo == "postgresql://reader:p%40ss%2Fw%23rd@eu.internal/app"
    assert targets[6].embedded_folder == Path("folder=1").absolute()
    assert "s3cr3t" not in repr(targets)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("\nhost=db password=s3cr3t", 2, "the database URL has no scheme, which is not PostgreSQL's"),
        ("me:s3cr3t@h/d", 1, "the database URL has no scheme, which is not PostgreSQL's"),
        ("x = mysql://me:s3cr3t@h/d", 1, "the database URL has scheme 'mysql', which is not PostgreSQL's"),
        ("x = postgresql://me:s3cr3t@h:port/d", 1, "the database URL's port isn't a number"),
        ("x =", 1, "no database is named; the form is NAME = postgresql://user@host/database"),
        ("x = ${NOT_SET}", 1, "the environment has no NOT_SET; set it"),
        ("postgresql://me:${NOT_SET}@h/d", 1, "the environment has no NOT_SET; set it"),
        (
            "postgresql://me:s3cr3t@h/d\npostgresql://me:s3cr3t2@h/d",
            2,
            "there are two targets postgresql://me@h/d; take one out, or name them: NAME = URL",
        ),
        (
            "a = postgresql://me:s3cr3t@h/d\n\na = postgresql://h/e",
            3,
            "there are two targets a; take one out",
        ),
        (
            "a = postgresql://me:s3cr3t@h/d\nb = postgres://me:s3cr3t@h/d",
            2,
            "targets a and b are one database; take one out",
        ),
    ],
)
def test_a_wrong_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("databases.txt")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        find_targets([], [file], {})
    said = str(raised.value)
    assert said.startswith(f"{file}:{line}: {message}")
    assert "s3cr3t" not in said


def test_a_wrong_option() -> None:
    with pytest.raises(InputError, match=r"^--target: the database URL has no scheme"):
        find_targets(["nonsense"], [], {})
    with pytest.raises(InputError, match=r"^--target: no database is named"):
        find_targets([" "], [], {"PGHOST": "h"})


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, InputError, "can't be read: No such file or directory"),
        (b"\xff\xfe", InputError, "isn't UTF-8; save it as UTF-8"),
        (b"# none\n\n", NothingToCheckError, "no target is named in"),
    ],
)
def test_a_wrong_file(tmp_path: Path, content: bytes | None, error: type[KcDbError], message: str) -> None:
    file = tmp_path / "databases.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error) as raised:
        find_targets([], [file], {})
    assert message in str(raised.value)
