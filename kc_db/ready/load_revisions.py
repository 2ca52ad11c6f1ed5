"""Reads which migrations the code has. Reads, not runs: importing Alembic takes longer than all the rest."""

import ast
import re
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from kc_db.errors import InputError
from kc_db.ready.model import Revisions

_REVISION_FILE = re.compile(r"(?!\.#|__init__).*\.py")  # as Alembic has it
_ALEMBICS = ("version_locations", "recursive_version_locations", "sourceless")  # what it must be asked about
_NAMES = ("revision", "down_revision", "depends_on")
_Found = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


class _NotPlainError(Exception):
    """Only Alembic knows what is meant."""


def load_revisions(configuration: Path) -> Revisions:
    """The revisions of a project.

    Where they can be read without running them, as those that `alembic revision` writes, they are (about 1 ms
    each); else Alembic itself is asked, which takes about 0.3 s longer.

    Args:
        configuration: alembic.ini.

    Raises:
        InputError: there is no such file, or its folder of revisions is wrong.
    """
    if not configuration.is_file():
        raise InputError(
            f"there is no {configuration}; --alembic-config says where your alembic.ini is, "
            "--no-migrations that none is to be compared with"
        )
    try:
        return _graph(_read(configuration))
    except _NotPlainError:
        return _ask_alembic(configuration)


def _read(configuration: Path) -> _Found:
    parser = ConfigParser({"here": str(configuration.absolute().parent).replace("%", "%%")})
    try:
        parser.read(configuration, encoding="utf-8")
        settings = dict(parser.items("alembic"))
    except (ConfigError, UnicodeDecodeError):
        raise _NotPlainError from None
    location = settings.get("script_location", "")
    if any(name in settings for name in _ALEMBICS) or not location or ":" in location:
        raise _NotPlainError
    folder = Path(location, "versions")
    if not folder.is_dir():
        raise _NotPlainError
    found: _Found = {}
    for file in sorted(folder.iterdir()):
        if _REVISION_FILE.fullmatch(file.name):
            revision, *parents = _revision(file)
            if revision in found:
                raise _NotPlainError
            found[revision] = (parents[0], parents[1])
    return found


def _revision(file: Path) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """What a file says of itself at its top level."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError, OSError):
        raise _NotPlainError from None
    values: dict[str, object] = {}
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _NAMES:
                values[target.id] = _literal(getattr(node, "value", None))
    revision = values.get("revision")
    if not isinstance(revision, str):
        raise _NotPlainError
    return revision, _several(values.get("down_revision")), _several(values.get("depends_on"))


def _literal(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node else None
    except ValueError:
        raise _NotPlainError from None


def _several(value: object) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    if (value and not names) or not all(isinstance(name, str) for name in names):
        raise _NotPlainError
    return names


def _graph(found: _Found) -> Revisions:
    for down, needed in found.values():
        if any(name not in found for name in (*down, *needed)):
            raise _NotPlainError  # a part of a name, a label, or a mistake that Alembic explains
    revised: set[str] = {name for down, _ in found.values() for name in down}
    parents = {name: (*down, *needed) for name, (down, needed) in found.items()}
    return Revisions(parents, tuple(name for name in found if name not in revised))


def _ask_alembic(configuration: Path) -> Revisions:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        scripts = ScriptDirectory.from_config(Config(str(configuration)))
        parents = {
            one.revision: tuple(
                parent.revision
                for name in (*_several(one.down_revision), *_several(one.dependencies))
                for parent in scripts.get_revisions(name)
                if parent
            )
            for one in scripts.walk_revisions()
        }
        return Revisions(parents, tuple(sorted(scripts.get_heads())))
    except (CommandError, KeyError, SyntaxError, ConfigError) as error:
        raise InputError(f"the migrations can't be read: {error}", file=str(configuration)) from error
