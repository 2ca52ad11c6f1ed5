"""`[tool.kc-db]` of pyproject.toml: what a project sets for every run.

    [tool.kc-db.severity]
    misnamed-index = "error"
    unmanaged-index = "off"

It is read from the pyproject.toml of the working directory, or of the nearest parent that has one, up to the
root of the repository (the folder that holds `.git`) or the home directory. The nearest file counts alone.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kc_db.findings import Severity
from kc_db.rulebook import Description
from kc_db.toml.complaints import Complaints, suggest
from kc_db.toml.read import parse, read_text

_TABLE = ("tool", "kc-db")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the project sets.

    Attributes:
        severities: by rule; None turns it off.
    """

    severities: Mapping[str, Severity | None] = field(default_factory=dict)


def load_settings(folder: Path, rules: Callable[[], Mapping[str, Description]]) -> Settings:
    """The settings of a working directory; none if there is no file, or nothing in it for kc-db.

    Args:
        folder: where the user works.
        rules: gives all that there are, by name; asked only if a setting is about them.

    Raises:
        InputError: the file is wrong where it speaks to kc-db; says file, line, column and key of each.
    """
    file = _find(folder)
    if file is None:
        return Settings()
    name = os.path.relpath(file)
    text = read_text(name, if_missing="the file has gone")
    if "kc-db" not in text:
        return Settings()
    tool = parse(name, text, what="project file").get(_TABLE[0])
    content = tool.get(_TABLE[1]) if isinstance(tool, dict) else None
    return Settings() if content is None else _settings(content, Complaints(name, text, _TABLE), rules())


def _settings(content: object, complaints: Complaints, rules: Mapping[str, Description]) -> Settings:
    from pydantic import ValidationError

    from kc_db.settings_table import SettingsTable

    try:
        severities = SettingsTable.model_validate(content).severity
    except ValidationError as error:
        complaints.add_all(error, lambda _: SettingsTable.model_fields)
        complaints.raise_any()
        raise
    for rule in severities:
        if rule not in rules:
            complaints.add(("severity", rule), f"unknown rule{suggest(rule, rules)}", is_about_key=True)
        elif rules[rule].severity is Severity.UNDETERMINED:
            message = "this rule can't be changed: undetermined has its own exit code"
            complaints.add(("severity", rule), message)
    complaints.raise_any()
    return Settings(
        {rule: None if word == "off" else Severity[word.upper()] for rule, word in severities.items()}
    )


def _find(folder: Path) -> Path | None:
    return next((file for place in _upwards(folder) if (file := place / "pyproject.toml").is_file()), None)


def _upwards(folder: Path) -> Iterator[Path]:
    home = Path.home()
    for place in (folder, *folder.parents):
        yield place
        if place == home or (place / ".git").exists():
            return
