"""Writes what a repair would do as Alembic revisions: one index each, as migrations/versions has them."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError, rev_id

from kc_db.errors import InputError, RefusedError
from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.model import IndexDef, LiveIndex, TableName
from kc_db.indexes.repair import incomplete, plan_duplicate, plan_match, plan_unusable, unusable
from kc_db.indexes.statements import create_index
from kc_db.indexes.steps import Step

_LINE = 110
_INDENT = "    "
_NUMBER = re.compile(r"\d+")
_NO_NAME = re.compile(r"\W+", re.ASCII)


class NotARevisionError(RefusedError):
    """Something that is to be mended can't be written as a revision; none was written."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Change:
    """What one revision does.

    Attributes:
        index: the name of the index.
        purpose: why it is wanted, if a spec wants it.
        upgrade: the call of an operation.
        downgrade: the call that undoes it, or `pass`.
    """

    index: str
    purpose: str
    upgrade: str
    downgrade: str


def changes_of(tables: Sequence[TableMatch]) -> tuple[Change, ...]:
    """What takes the tables to their specs, on this database and on any other.

    Raises:
        NotARevisionError: something is for a person to decide, or depends on what only this database has.
    """
    changes: list[Change] = []
    left: list[str] = []
    for table in tables:
        for change in _changes(table):
            if isinstance(change, Change):
                changes.append(change)
            else:
                left.append(change)
    if left:
        listed = "".join(f"\n  {reason}" for reason in dict.fromkeys(left))
        raise NotARevisionError(f"no revision was written, because a revision can't say this:{listed}")
    return tuple(changes)


def write_revisions(configuration: Path, message: str, changes: Sequence[Change]) -> tuple[Path, ...]:
    """Writes a chain of revisions behind the head.

    Args:
        configuration: the project's alembic.ini.
        message: what stands first in each revision's docstring.
        changes: what each revision does.

    Returns:
        The files, in their order.

    Raises:
        InputError: there is no such configuration, or its folder of revisions has several heads.
    """
    if not configuration.is_file():
        raise InputError(f"there is no {configuration}; --alembic-config says where your alembic.ini is")
    with _translated():
        script = ScriptDirectory.from_config(Config(str(configuration)))
        head = script.get_current_head()
    script.messaging_opts = {"quiet": True}
    template = script.file_template
    written: list[Path] = []
    try:
        for change in changes:
            slug = _NO_NAME.sub("_", change.index).strip("_").lower()
            script.file_template = template.replace("%(slug)s", slug)
            identifier = _next(head)
            revision = script.generate_revision(
                identifier,
                _docstring(message, change),
                head=head or "base",
                upgrades=change.upgrade,
                downgrades=change.downgrade,
            )
            written += [Path(revision.path)] if revision else []
            head = identifier
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
    return tuple(written)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise InputError(str(error)) from error


def _next(head: str | None) -> str:
    if head is None:
        return "0001"
    return str(int(head) + 1).zfill(len(head)) if _NUMBER.fullmatch(head) else rev_id()


def _docstring(message: str, change: Change) -> str:
    text = f"{message.strip().rstrip('.')}: {change.purpose or change.index}"
    return " ".join(text.replace("\\", "/").replace('"', "'").split()).rstrip(".")


def _changes(table: TableMatch) -> Iterator[Change | str]:
    """The changes of one table, and what can't be one."""
    if table.live is None:
        yield f"table {table.table} doesn't exist; run: alembic upgrade head"
        return
    if "." in f"{table.live.name.schema}{table.live.name.name}":
        yield f"the name of {table.table} has a dot, which op.drop_index_online can't say"
    for owner, index in unusable(table):
        yield _dropped(owner.name if owner != table.live else table.table, index, plan_unusable(owner, index))
    for index in incomplete(table):
        why = "lacks partitions, and no spec wants it; kc-db repair-indexes --apply mends it"
        yield f"{index.qualified_name} {why}"
    for match in table.matches:
        if plan_match(match):
            yield _changed(table, match)
    for index, keep in table.duplicates:
        dropped = _dropped(table.table, index, plan_duplicate(table, index, keep))
        if isinstance(dropped, Change):  # elsewhere the one that goes may be the only one
            kept = replace(keep.definition, table=table.table)
            yield Change(keep.name, "", _ensure(kept, exactly=True), "pass")
        yield dropped


def _dropped(table: TableName, index: LiveIndex, steps: Sequence[Step]) -> Change | str:
    (step,) = steps
    if step.statement is None or step.builds:
        return step.text.removeprefix("-- ")
    return Change(index.name, "", _drop(table, index.name, only_invalid=not index.usable), "pass")


def _changed(table: TableMatch, match: Match) -> Change | str:
    advice = next((step for step in plan_match(match) if step.statement is None), None)
    if advice:
        return advice.text.removeprefix("-- ")
    if table.has_mixed_up_names:
        return (
            f"{match.want.table}.{match.want.name}: names of this table's indexes stand on one another's "
            "definitions here, and elsewhere may not; kc-db repair-indexes --apply mends it"
        )
    definition = match.spec.definition
    there = match.satisfied_by or (match.same_name if match.same_name and match.same_name.usable else None)
    upgrade = _ensure(definition, exactly=there is not None)
    return Change(definition.name, match.spec.purpose, upgrade, _downgrade(match, there))


def _downgrade(match: Match, there: LiveIndex | None) -> str:
    definition = match.spec.definition
    if there is None:
        kept = match.same_name and match.same_name.stands_for
        return "pass" if kept else _drop(definition.table, definition.name)
    if there.definition.shape == match.want.shape:
        before = replace(definition, name=there.name)
        return "pass" if there.name == definition.name else _ensure(before, exactly=True)
    return _ensure(replace(there.definition, table=definition.table), exactly=True)


def _ensure(definition: IndexDef, *, exactly: bool) -> str:
    text = create_index(definition, concurrently=False).as_string(None)
    last = ", exactly=True" if exactly else ""
    line = f"op.ensure_index({_quoted(text)}{last})"
    if len(_INDENT + line) <= _LINE:
        return line
    parts = "\n".join(f"{_INDENT * 2}{part}" for part in _broken(text))
    return f"op.ensure_index(\n{parts}{',' if exactly else ''}\n" + (
        f"{_INDENT * 2}exactly=True,\n{_INDENT})" if exactly else f"{_INDENT})"
    )


def _broken(text: str) -> Iterator[str]:
    """A long statement as literals that Python joins."""
    line = ""
    for word in re.findall(r"\S*\s*", text):
        if line and len(_INDENT * 2 + _quoted(line + word)) > _LINE:
            yield _quoted(line)
            line = ""
        line += word
    yield _quoted(line)


def _drop(table: TableName, name: str, *, only_invalid: bool = False) -> str:
    last = ", only_invalid=True" if only_invalid else ""
    return f"op.drop_index_online({_quoted(name)}, on={_quoted(str(table))}{last})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
