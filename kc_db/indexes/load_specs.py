"""Reads a folder of specs: SQL files that say which indexes must exist, why, and for which queries."""

import json
import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from kc_db.errors import InputError, NothingToCheckError
from kc_db.indexes.model import Allowance, Query, Spec, TableName
from kc_db.indexes.parse import complaints_about, index_from_tree

_REMARK = "kc:"
_COMMENTS = {"SQL_COMMENT", "C_COMMENT"}
_Remark = tuple[int, str]  # where a comment line begins, and its words
_REMARK_FORM = "-- kc: allow <rule> -- <reason>"


def load_specs(folder: Path, rule_names: Sequence[str]) -> tuple[Spec, ...]:
    """All specs of a folder, in the order of files and lines.

    Args:
        folder: holds `<table>.sql` files.
        rule_names: the rules that an allowance may name.

    Raises:
        InputError: the folder isn't there, or a file holds anything but index specs; says file, line, column.
        NothingToCheckError: there is no spec in it.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder of specs {str(folder)!r}; name it with --specs")
    try:
        specs = [spec for file in sorted(folder.glob("*.sql")) for spec in _load_file(file, rule_names)]
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", file=str(error.filename)) from None
    if not specs:
        raise NothingToCheckError(
            f"no index spec found in {str(folder)!r}; write CREATE INDEX statements into {folder}/<table>.sql"
        )
    _refuse_repetitions(specs)
    return tuple(specs)


def allowing(spec: Spec, rules: Collection[str]) -> Spec:
    """The spec with every finding of some rules allowed: what is off is neither reported nor mended."""
    more = tuple(Allowance(rule, "it is off", spec.line) for rule in sorted(rules))
    return replace(spec, allowances=(*spec.allowances, *more)) if more else spec


def _refuse_repetitions(specs: Sequence[Spec]) -> None:
    names: dict[tuple[str | None, str], Spec] = {}
    queries: dict[str, str] = {}
    files: dict[TableName, Spec] = {}
    for spec in specs:
        table = spec.definition.table
        first = names.setdefault((table.schema, spec.definition.name), spec)
        if first is not spec:
            raise InputError(
                f"index {spec.definition.name!r} is here twice, first in {first.file}:{first.line}",
                file=spec.file,
                line=spec.line,
            )
        for query in spec.queries:
            place = queries.setdefault(query.name, f"{spec.file}:{query.line}")
            if place != f"{spec.file}:{query.line}":
                raise InputError(
                    f"query {query.name!r} is here twice, first in {place}; rename one",
                    file=spec.file,
                    line=query.line,
                )
        first = files.setdefault(table, spec)
        if first.file != spec.file:
            raise InputError(
                f"table {str(table)!r} has specs in two files, first in {first.file}:{first.line}; "
                "put them into one",
                file=spec.file,
                line=spec.line,
            )


def _load_file(file: Path, rule_names: Sequence[str]) -> Iterator[Spec]:
    source = _Source(file, rule_names)
    current: Spec | None = None
    for statement, begin, end, remarks in source.statements():
        (kind, tree), *_ = statement.items()
        if kind == "IndexStmt":
            if current:
                yield current
            current = _spec(source, tree, (begin, end), remarks)
        elif kind == "PrepareStmt" and current:
            source.refuse_allowances(remarks)
            query = Query(tree["name"], source.text(begin, end), source.line(begin))
            current = replace(current, queries=(*current.queries, query))
        elif kind == "PrepareStmt":
            source.refuse(
                begin, "a PREPARE stands below the index that serves it, and there is none above this one"
            )
        else:
            source.refuse(
                begin,
                "a spec file holds CREATE INDEX and PREPARE statements and comments only; take this out",
            )
    if current:
        yield current


def _spec(
    source: "_Source", tree: Mapping[str, Any], span: tuple[int, int], remarks: Sequence["_Remark"]
) -> Spec:
    begin, end = span
    _refuse_what_is_not_compared(source, tree, begin)
    return Spec(
        definition=index_from_tree(tree, lambda: source.text(begin, end)),
        file=source.name,
        line=source.line(begin),
        purpose=" ".join(text for _, text in remarks if text and not text.startswith(_REMARK)),
        allowances=tuple(_allowance(source, at, text) for at, text in remarks if text.startswith(_REMARK)),
    )


def _refuse_what_is_not_compared(source: "_Source", tree: Mapping[str, Any], begin: int) -> None:
    table = tree["relation"]["relname"]
    schema = tree["relation"].get("schemaname")
    if not tree.get("idxname"):
        source.refuse(begin, "this index has no name; give it one, so that it can be found and repaired")
    for complaint in complaints_about(tree):
        source.refuse(begin, complaint)
    if source.table not in {table, f"{schema}.{table}"}:
        source.refuse(begin, f"this index is on {table!r}: it belongs into {source.file.with_stem(table)}")


def _allowance(source: "_Source", at: int, remark: str) -> Allowance:
    words, dashes, reason = remark.removeprefix(_REMARK).partition("--")
    verb, _, rule = words.strip().partition(" ")
    rule = rule.strip()
    if verb != "allow" or not rule:
        source.refuse(at, f"this remark isn't understood; it has the form {_REMARK_FORM}")
    if rule not in source.rule_names:
        source.refuse(at, f"there is no rule {rule!r}; the rules are {', '.join(source.rule_names)}")
    if not dashes or not reason.strip():
        source.refuse(at, f"an allowance needs its reason: {_REMARK_FORM}")
    return Allowance(rule, reason.strip(), source.line(at))


class _Source:
    """A file's bytes, in which libpg_query counts, and its lines, in which people count."""

    def __init__(self, file: Path, rule_names: Sequence[str]) -> None:
        self.file = file
        self.name = str(file)
        self.table = file.stem
        self.rule_names = rule_names
        self._bytes = file.read_bytes().removeprefix(BOM_UTF8)
        self._line_starts = [0, *(newline.end() for newline in re.finditer(rb"\n", self._bytes))]

    def statements(self) -> Iterator[tuple[Mapping[str, Any], int, int, Sequence[_Remark]]]:
        """Each statement's tree, where its text begins and ends, and the comment lines right above it."""
        end = 0
        for tree in self._trees():
            begin = tree.get("stmt_location", 0)  # PostgreSQL 18's parser counts no comments in
            remarks = self._remarks(end, begin)
            end = begin + tree.get("stmt_len", len(self._bytes) - begin)
            if _REMARK.encode() in self._bytes[begin:end]:
                self.refuse_allowances(list(self._comments(begin, end)))
            yield tree["stmt"], begin, end, remarks
        self.refuse_allowances(self._remarks(end, len(self._bytes)))

    def _trees(self) -> Sequence[Mapping[str, Any]]:
        from pglast.parser import ParseError, parse_sql_json

        if b"\0" in self._bytes:
            self.refuse(self._bytes.index(b"\0"), "this is a NUL byte; save the file as UTF-8")
        try:
            text = self._bytes.decode()
            trees: Sequence[Mapping[str, Any]] = json.loads(parse_sql_json(text))["stmts"]
        except UnicodeDecodeError as error:
            self.refuse(error.start, "this isn't UTF-8; save the file as UTF-8")
        except ParseError as error:
            message, position = (*error.args, 0)[:2]
            self.refuse(len(text[:position].encode()), f"{message}; correct the SQL")
        return trees

    def _remarks(self, start: int, end: int) -> Sequence[_Remark]:
        """The comment lines between two statements; of those that aren't remarks to us, the last ones."""
        gap = self._bytes[start:end]
        if b"/*" in gap:  # a block comment is nobody's purpose
            for _, text in self._comments(start, end):
                if text.startswith("/*"):
                    gap = gap.replace(text.encode(), b" " * len(text.encode()), 1)
        remarks: list[_Remark] = []
        at = start
        for line in gap.rstrip(b" \t").splitlines(keepends=True):
            text = line.strip(b" \t\r\n\f;").decode()
            remark = (at + line.find(b"--"), text.lstrip("-").strip())
            is_rest = at == start > 0  # of the line on which the statement before ended
            at += len(line)
            if is_rest:
                self.refuse_allowances([remark])
            elif text:
                remarks.append(remark)
            else:
                remarks = [remark for remark in remarks if remark[1].startswith(_REMARK)]
        return remarks

    def _comments(self, start: int, end: int) -> Iterator[_Remark]:
        from pglast.parser import scan

        text = self.text(start, end)
        for token in scan(text):
            if token.name in _COMMENTS:
                comment = text[token.start : token.end + 1]
                yield start + len(text[: token.start].encode()), comment.lstrip("-").strip()

    def refuse_allowances(self, remarks: Sequence[_Remark]) -> None:
        """An allowance that stands above no index would allow nothing, unseen."""
        for at, text in remarks:
            if text.startswith(_REMARK):
                self.refuse(at, "an allowance stands above the index that it is for; move it there")

    def text(self, begin: int, end: int) -> str:
        return self._bytes[begin:end].decode()

    def line(self, offset: int) -> int:
        return bisect_right(self._line_starts, offset)

    def refuse(self, offset: int, message: str) -> NoReturn:
        """Raises an InputError that names the place.

        Raises:
            InputError: always.
        """
        line = self.line(offset)
        column = len(self._bytes[self._line_starts[line - 1] : offset].decode(errors="replace")) + 1
        raise InputError(message, file=str(self.file), line=line, column=column)
