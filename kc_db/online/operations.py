"""The Alembic operations that revisions call by name; importing this module registers them.

op.ensure_tables(table, ...)          tables are there, made or adopted
op.drop_empty_tables("table", ...)    and away again, made or adopted, if nobody's rows are in them
op.ensure_index("CREATE INDEX ...")   a usable index of this definition is there, under any name
op.drop_index_online("index", on="table")

Those on constraints stand in constraint_operations.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations

from kc_db.errors import InputError
from kc_db.indexes.model import IndexDef
from kc_db.indexes.parse import complaints_about, index_from_tree, tree_of_index
from kc_db.online import (
    constraint_operations,  # noqa: F401 - registers op.ensure_constraint and the others
    index_build,
    offline,
    tables,
)
from kc_db.online.bind import online
from kc_db.online.patience import patience_of


@Operations.register_operation("ensure_index")
class EnsureIndex(MigrateOperation):
    """A usable index of a definition is there: built CONCURRENTLY, or kept, under whatever name it has."""

    def __init__(self, definition: IndexDef, *, exactly: bool = False) -> None:
        self.definition = definition
        self.exactly = exactly

    @classmethod
    def ensure_index(cls, operations: Operations, create_index: str, *, exactly: bool = False) -> None:
        """Builds an index without blocking writes, unless a usable one of its definition is there.

        An INVALID leftover is dropped and built again; an equal index under another name is kept; an index of
        the same name and another definition stops the migration. On a partitioned table each partition's is
        built, or taken if it is there, and attached. Has to be alone in its revision.

        Args:
            operations: Alembic's `op`.
            create_index: the CREATE INDEX statement, as a spec has it.
            exactly: under this name: an equal index under another name is renamed, and one of another
                definition under this name is replaced, after the new one has been built.

        Raises:
            InputError: it isn't one CREATE INDEX statement with a name, or says what isn't compared.
            RefusedError: the name means another definition, or duplicate rows stand against it.
        """
        operations.invoke(cls(_parse(create_index), exactly=exactly))


@Operations.implementation_for(EnsureIndex)
def _ensure_index(operations: Operations, operation: EnsureIndex) -> None:
    context = operations.get_context()
    if context.as_sql:
        offline.create_index(operations, operation.definition, exactly=operation.exactly)
        return
    with online(operations) as connection:
        index_build.ensure(connection, operation.definition, patience_of(), exactly=operation.exactly)


@Operations.register_operation("drop_index_online")
class DropIndexOnline(MigrateOperation):
    """An index that ensure_index built is away again."""

    def __init__(self, name: str, on: str, *, only_invalid: bool = False) -> None:
        self.name = name
        self.on = on
        self.only_invalid = only_invalid

    @classmethod
    def drop_index_online(
        cls, operations: Operations, name: str, *, on: str, only_invalid: bool = False
    ) -> None:
        """Drops an index CONCURRENTLY; one that isn't there, or that a constraint stands on, is left alone.

        Args:
            operations: Alembic's `op`.
            name: the index's name.
            on: its table, `table` or `schema.table`.
            only_invalid: one that is usable is left alone as well.
        """
        operations.invoke(cls(name, on, only_invalid=only_invalid))


@Operations.implementation_for(DropIndexOnline)
def _drop_index_online(operations: Operations, operation: DropIndexOnline) -> None:
    if operations.get_context().as_sql:
        offline.drop_index(operations, operation.name, operation.on, only_invalid=operation.only_invalid)
        return
    with online(operations) as connection:
        index_build.drop(
            connection, operation.name, operation.on, patience_of(), only_invalid=operation.only_invalid
        )


@Operations.register_operation("ensure_tables")
class EnsureTables(MigrateOperation):
    """Tables are there: made, or adopted."""

    def __init__(self, wanted: Sequence[sa.Table]) -> None:
        self.wanted = wanted

    @classmethod
    def ensure_tables(cls, operations: Operations, *wanted: sa.Table) -> None:
        """Makes the tables that aren't there; of those that are, checks the columns that are needed.

        A table's `info["needed"]` names the columns that one made by somebody else has to have (all, if it
        says nothing). Everything is checked before anything is changed.

        Args:
            operations: Alembic's `op`.
            wanted: the tables, in an order in which they can be made.

        Raises:
            RefusedError: needed columns are missing or of another type; all are listed.
        """
        operations.invoke(cls(wanted))


@Operations.implementation_for(EnsureTables)
def _ensure_tables(operations: Operations, operation: EnsureTables) -> None:
    if operations.get_context().as_sql:
        offline.create_tables(operations, operation.wanted)
    else:
        tables.ensure(operations.get_bind(), operation.wanted)


@Operations.register_operation("drop_empty_tables")
class DropEmptyTables(MigrateOperation):
    """Tables are away again, unless they hold rows."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    @classmethod
    def drop_empty_tables(cls, operations: Operations, *names: str) -> None:
        """Drops tables that hold no row: nobody notes who made them, so those that were adopted as well.

        Args:
            operations: Alembic's `op`.
            names: the tables, in an order in which they can be dropped.

        Raises:
            RefusedError: one holds rows; nothing is dropped.
        """
        operations.invoke(cls(names))


@Operations.implementation_for(DropEmptyTables)
def _drop_empty_tables(operations: Operations, operation: DropEmptyTables) -> None:
    if operations.get_context().as_sql:
        offline.drop_tables(operations, operation.names)
    else:
        tables.drop_empty(operations.get_bind(), operation.names)


def _parse(create_index: str) -> IndexDef:
    from pglast import split
    from pglast.parser import ParseError

    try:
        (create_index,) = split(create_index)
        tree = tree_of_index(create_index)
    except (ParseError, KeyError, ValueError) as error:
        reason = f" ({error.args[0]})" if isinstance(error, ParseError) else ""
        raise InputError(
            f"op.ensure_index takes one CREATE INDEX statement{reason}: {create_index}"
        ) from None
    if not tree.get("idxname"):
        raise InputError(f"op.ensure_index needs the index's name: {create_index}")
    for complaint in complaints_about(tree):
        raise InputError(f"op.ensure_index: {complaint}: {create_index}")
    return index_from_tree(tree, lambda: create_index)
