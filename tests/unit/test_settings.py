"""`[tool.kc-db]` of pyproject.toml."""

from pathlib import Path

import pytest

from kc_db.errors import InputError
from kc_db.findings import Severity
from kc_db.rulebook import Description, Rule, with_severities
from kc_db.settings import load_settings

RULES = {
    "missing-index": Description("missing-index", Severity.ERROR, ""),
    "unmanaged-index": Description("unmanaged-index", Severity.INFORMATION, ""),
    "undetermined-definition": Description("undetermined-definition", Severity.UNDETERMINED, ""),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository to work in."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def severities(text: str, *, file: str = "pyproject.toml") -> dict[str, Severity | None]:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(text, encoding="utf-8")
    return dict(load_settings(Path.cwd(), lambda: RULES).severities)


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        severities(text)
    return str(caught.value)


def test_severities() -> None:
    assert severities('[tool.kc-db.severity]\nmissing-index = "warning"\nunmanaged-index = "off"\n') == {
        "missing-index": Severity.WARNING,
        "unmanaged-index": None,
    }


@pytest.mark.parametrize("text", ["", "[project]\nname = 'kc-db'\n", "[tool.other]\nx = 'kc-db'\n"])
def test_a_file_that_sets_nothing(text: str) -> None:
    assert severities(text) == {}


def test_no_file() -> None:
    assert load_settings(Path.cwd(), lambda: RULES).severities == {}


SOME = '[tool.kc-db]\nseverity = { missing-index = "warning" }\n'


def test_the_nearest_parent_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    severities(SOME)
    (folder / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a" / "b")
    assert load_settings(Path.cwd(), lambda: RULES).severities
    (folder / "a" / "pyproject.toml").touch()
    assert not load_settings(Path.cwd(), lambda: RULES).severities


@pytest.mark.parametrize("is_home", [True, False])
def test_nothing_above_the_repository_or_home_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, is_home: bool
) -> None:
    severities(SOME)
    (folder / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a" / "b")
    if is_home:
        monkeypatch.setenv("HOME", str(folder / "a"))
    else:
        (folder / "a" / ".git").touch()  # a worktree's is a file
    assert not load_settings(Path.cwd(), lambda: RULES).severities


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.kc-db]\nseverty = {}\n",
            "pyproject.toml:2:1: tool.kc-db.severty: unknown key; did you mean severity?",
        ),
        (
            '[tool.kc-db.severity]\nmissing-indx = "off"\n',
            "pyproject.toml:2:1: tool.kc-db.severity.missing-indx: unknown rule; did you mean missing-index?",
        ),
        (
            '[tool.kc-db.severity]\nmissing-index = "fatal"\n',
            ('pyproject.toml:2:17: tool.kc-db.severity.missing-index: must be "error", "warning", '
             '"information" or "off", not the text "fatal"'),
        ),
        (
            '[tool.kc-db.severity]\nundetermined-definition = "off"\n',
            ("pyproject.toml:2:27: tool.kc-db.severity.undetermined-definition: this rule can't be "
             "changed: undetermined has its own exit code"),
        ),
        (
            "[tool]\nkc-db = 1\n",
            "pyproject.toml:2:9: tool.kc-db: must be a table, not 1",
        ),
        (
            "[tool.kc-db\n",
            "pyproject.toml:1:12: not TOML: expected ']' at the end of a table declaration",
        ),
    ],
    ids=["key", "rule", "severity", "undetermined", "no table", "no TOML"],
)  # fmt: skip
def test_mistakes(text: str, message: str) -> None:
    assert complaint(text) == message


def test_all_mistakes_are_told_at_once() -> None:
    assert complaint('[tool.kc-db]\na = 1\nseverity = { missing-index = "x" }\n').count("\n") == 1


def test_a_parents_file_is_named_as_it_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a").mkdir()
    (folder / "pyproject.toml").write_text("[tool.kc-db]\nx = 1\n")
    monkeypatch.chdir(folder / "a")
    with pytest.raises(InputError, match=r"^\.\./pyproject\.toml:2:1: "):
        load_settings(Path.cwd(), lambda: RULES)


def test_rules_are_asked_for_only_if_they_are_set() -> None:
    def fail() -> dict[str, Description]:
        pytest.fail("nothing is set")

    assert load_settings(Path.cwd(), fail).severities == {}


def test_rules_with_other_severities() -> None:
    rules = [Rule(name, Severity.ERROR, "", lambda _: ()) for name in ("a", "b", "c")]
    changed = with_severities(rules, {"a": None, "b": Severity.WARNING})
    assert [(rule.name, rule.severity) for rule in changed] == [
        ("b", Severity.WARNING),
        ("c", Severity.ERROR),
    ]
    assert with_severities(rules, {}) == tuple(rules)
