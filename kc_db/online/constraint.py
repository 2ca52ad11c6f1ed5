"""A constraint that a migration wants, as ALTER TABLE ... ADD CONSTRAINT says it, and SQL about it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from kc_db.errors import InputError
from kc_db.indexes.model import IndexDef, TableName, column_key
from kc_db.indexes.parameters import normalized
from kc_db.indexes.statements import Statement, quoted

_KINDS = {"CONSTR_UNIQUE": "u", "CONSTR_PRIMARY": "p", "CONSTR_CHECK": "c", "CONSTR_FOREIGN": "f"}
_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_COMMENTS = {"SQL_COMMENT", "C_COMMENT"}
_FORM = (
    "op.ensure_constraint takes one ALTER TABLE ... ADD CONSTRAINT (UNIQUE, PRIMARY KEY, CHECK, FOREIGN KEY)"
)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint that is wanted.

    Attributes:
        kind: pg_constraint.contype: u, p, c or f.
        definition: what stands behind its name.
        columns: of its own table; empty for a CHECK.
        index: what it stands on, for a UNIQUE constraint or a primary key.
        references: the other table of a foreign key, and its columns.
        match_full: of a foreign key.
        tail: what follows the referenced columns, as pg_get_constraintdef() writes it.
    """

    table: TableName
    name: str
    kind: str
    definition: str
    columns: tuple[str, ...] = ()
    index: IndexDef | None = None
    references: tuple[TableName, tuple[str, ...]] | None = None
    match_full: bool = False
    tail: str = ""

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


def constraint_from_text(text: str) -> Constraint:
    """The constraint that one ALTER TABLE ... ADD CONSTRAINT statement adds.

    Raises:
        InputError: it is another statement, or says what kc-db sees to itself.
    """
    from pglast import split
    from pglast.parser import ParseError, parse_sql_json

    try:
        (text,) = split(text)
        tree = json.loads(parse_sql_json(text))["stmts"][0]["stmt"]["AlterTableStmt"]
        (command,) = tree["cmds"]
        said = command["AlterTableCmd"]["def"]["Constraint"]
    except ParseError as error:
        raise InputError(f"{_FORM} ({error.args[0]}): {text}") from None
    except (KeyError, ValueError):
        raise InputError(f"{_FORM}: {text}") from None
    for complaint in _complaints(tree, said):
        raise InputError(f"op.ensure_constraint: {complaint}: {text}")
    table = _table(tree["relation"])
    name, kind = said["conname"], _KINDS[said["contype"]]
    references = (_table(said["pktable"]), _names(said["pk_attrs"])) if kind == "f" else None
    return Constraint(
        table,
        name,
        kind,
        _definition(text),
        _names(said.get("fk_attrs") or said.get("keys") or ()),
        _index(table, name, said) if kind in "up" else None,
        references,
        said.get("fk_matchtype") == "f",
        "".join(_tail(said)),
    )


def add(constraint: Constraint, *, not_valid: bool = False) -> Statement:
    """ALTER TABLE ... ADD CONSTRAINT.

    With NOT VALID it reads no row: a CHECK takes ACCESS EXCLUSIVE for a moment, a foreign key SHARE ROW
    EXCLUSIVE on both tables.
    """
    suffix = " NOT VALID" if not_valid else ""
    return alter(
        constraint.table, f"ADD CONSTRAINT {quoted(constraint.name)} {constraint.definition}{suffix}"
    )


def add_using_index(constraint: Constraint, index: str) -> Statement:
    """Makes a constraint of a unique index, which gets its name; ACCESS EXCLUSIVE for a moment."""
    kind = "PRIMARY KEY" if constraint.kind == "p" else "UNIQUE"
    text = f"ADD CONSTRAINT {quoted(constraint.name)} {kind} USING INDEX {quoted(index)}{constraint.tail}"
    return alter(constraint.table, text)


def validate(table: TableName, name: str) -> Statement:
    """Reads all rows under SHARE UPDATE EXCLUSIVE; a foreign key's takes ROW SHARE on the other table."""
    return alter(table, f"VALIDATE CONSTRAINT {quoted(name)}")


def drop(table: TableName, name: str) -> Statement:
    """ACCESS EXCLUSIVE for a moment; a foreign key's on the other table as well."""
    return alter(table, f"DROP CONSTRAINT {quoted(name)}")


def alter(table: TableName, change: str) -> Statement:
    """ALTER TABLE; the change's names are quoted, its expressions PostgreSQL's own parser has read."""
    # type: ignore, because sql.SQL wants a literal
    return sql.SQL("ALTER TABLE {} {}").format(sql.SQL(as_name(table)), sql.SQL(change))  # type: ignore[arg-type, unused-ignore]


def as_name(table: TableName) -> str:
    """The table's name as SQL wants it."""
    return ".".join(quoted(part) for part in table if part is not None)


def listed(columns: Sequence[str]) -> str:
    """Columns as SQL wants them."""
    return ", ".join(map(quoted, columns))


def foreign_key_text(constraint: Constraint, referenced: str) -> str:
    """A foreign key as pg_get_constraintdef() writes it, if the other table is called so."""
    _, columns = constraint.references or (None, ())
    return (
        f"FOREIGN KEY ({listed(constraint.columns)}) REFERENCES {referenced}({listed(columns)})"
        f"{constraint.tail}"
    )


def _complaints(tree: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    if said["contype"] == "CONSTR_NOTNULL":
        yield "op.ensure_not_null(column, on=table) makes a column NOT NULL"
    elif said["contype"] not in _KINDS:
        yield "only UNIQUE, PRIMARY KEY, CHECK and FOREIGN KEY can be added without blocking writes"
    yield from _too_much(tree, said)


def _too_much(tree: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    relation, other = tree["relation"], said.get("pktable", {})
    if not said.get("conname"):
        yield "the constraint needs a name"
    if tree.get("missing_ok") or not relation.get("inh"):
        yield "take IF EXISTS and ONLY out"
    if "catalogname" in relation or "catalogname" in other:
        yield "a connection is to one database: take its name out"
    if said.get("indexname"):
        yield "say the columns; an equal index is found, whatever it is called"
    if said.get("indexspace"):
        yield "kc-db doesn't compare tablespaces; take USING INDEX TABLESPACE out"
    if said.get("without_overlaps") or said.get("fk_with_period"):
        yield "WITHOUT OVERLAPS and PERIOD need an index that can't be built CONCURRENTLY"
    if said["contype"] in {"CONSTR_CHECK", "CONSTR_FOREIGN"} and not said.get("initially_valid"):
        yield "the constraint is to hold in the end: take NOT VALID and NOT ENFORCED out"
    if said["contype"] == "CONSTR_FOREIGN" and not said.get("pk_attrs"):
        yield "say the referenced columns"


def _table(relation: Mapping[str, Any]) -> TableName:
    return TableName(relation.get("schemaname"), relation["relname"])


def _names(values: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(value["String"]["sval"] for value in values)


def _index(table: TableName, name: str, said: Mapping[str, Any]) -> IndexDef:
    elements = [one["DefElem"] for one in said.get("options", ())]
    return IndexDef(
        table,
        name,
        tuple(column_key(column) for column in _names(said["keys"])),
        unique=True,
        nulls_not_distinct=said.get("nulls_not_distinct", False),
        include=_names(said.get("including", ())),
        storage=normalized((one["defname"], str(_scalar(one))) for one in elements),
    )


def _scalar(element: Mapping[str, Any]) -> object:
    ((kind, value),) = element.get("arg", {"Boolean": {"boolval": True}}).items()
    if kind == "TypeName":  # a bare word: deduplicate_items = off
        return value["names"][-1]["String"]["sval"]
    return next(iter(value.values()), 0)


def _tail(said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("fk_matchtype") == "f":
        yield " MATCH FULL"
    for key, word in (("fk_upd_action", "UPDATE"), ("fk_del_action", "DELETE")):
        if action := _ACTIONS.get(said.get(key, "a")):
            yield f" ON {word} {action}"
    if said.get("fk_del_set_cols"):
        yield f" ({listed(_names(said['fk_del_set_cols']))})"
    if said.get("deferrable"):
        yield " DEFERRABLE"
    if said.get("initdeferred"):
        yield " INITIALLY DEFERRED"


def _definition(text: str) -> str:
    """What follows the constraint's name, without comments: one at the end would hide what is put there."""
    from pglast.parser import scan

    tokens = [token for token in scan(text) if token.name not in _COMMENTS]
    at = next(i for i, token in enumerate(tokens) if token.name == "CONSTRAINT")
    words: list[str] = []
    end = tokens[at + 1].end + 1
    for token in tokens[at + 2 :]:
        if token.name != "ASCII_59":
            words.append((" " if token.start > end else "") + text[token.start : token.end + 1])
        end = token.end + 1
    return "".join(words).strip()
