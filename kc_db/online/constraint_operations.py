"""The Alembic operations on constraints, and the renaming of indexes; importing this registers them.

op.ensure_constraint("ALTER TABLE t ADD CONSTRAINT ...")   a validated constraint of this definition is there
op.drop_constraint_online("constraint", on="table")
op.ensure_not_null("column", on="table")                   no row has a null, and none will
op.drop_not_null("column", on="table")
op.rename_index_online("index", "new_name", on="table")
"""

from alembic.operations import MigrateOperation, Operations

from kc_db.indexes.model import TableName
from kc_db.online import constraints, index_rename, not_null, offline_constraints
from kc_db.online.bind import online
from kc_db.online.constraint import Constraint, constraint_from_text
from kc_db.online.patience import patience_of


@Operations.register_operation("ensure_constraint")
class EnsureConstraint(MigrateOperation):
    """A validated constraint of a definition is there."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint = constraint

    @classmethod
    def ensure_constraint(cls, operations: Operations, add_constraint: str) -> None:
        """Adds a constraint without blocking writes, unless a valid one of its definition is there.

        CHECK and FOREIGN KEY are added NOT VALID, then validated. UNIQUE and PRIMARY KEY take over an equal
        unique index, whatever it is called (it gets the constraint's name), or one that is built CONCURRENTLY
        first; the columns of a primary key are made NOT NULL before. Has to be alone in its revision.

        Args:
            operations: Alembic's `op`.
            add_constraint: the ALTER TABLE ... ADD CONSTRAINT statement.

        Raises:
            InputError: it isn't one such statement.
            RefusedError: rows stand against it, or its name means something else.
        """
        operations.invoke(cls(constraint_from_text(add_constraint)))


@Operations.implementation_for(EnsureConstraint)
def _ensure_constraint(operations: Operations, operation: EnsureConstraint) -> None:
    if operations.get_context().as_sql:
        offline_constraints.ensure(operations, operation.constraint)
        return
    with online(operations) as connection:
        constraints.ensure(connection, operation.constraint, patience_of())


@Operations.register_operation("drop_constraint_online")
class DropConstraintOnline(MigrateOperation):
    """A constraint is away again."""

    def __init__(self, name: str, on: str) -> None:
        self.name = name
        self.table = _table(on)

    @classmethod
    def drop_constraint_online(cls, operations: Operations, name: str, *, on: str) -> None:
        """Drops a constraint, with the index that it stands on; one that isn't there is left alone.

        Args:
            operations: Alembic's `op`.
            name: the constraint's name.
            on: its table, `table` or `schema.table`.

        Raises:
            RefusedError: a foreign key stands on it.
        """
        operations.invoke(cls(name, on))


@Operations.implementation_for(DropConstraintOnline)
def _drop_constraint_online(operations: Operations, operation: DropConstraintOnline) -> None:
    if operations.get_context().as_sql:
        offline_constraints.drop(operations, operation.name, operation.table)
        return
    with online(operations) as connection:
        constraints.drop(connection, operation.name, operation.table, patience_of())


@Operations.register_operation("ensure_not_null")
class EnsureNotNull(MigrateOperation):
    """A column is NOT NULL."""

    def __init__(self, column: str, on: str) -> None:
        self.column = column
        self.table = _table(on)

    @classmethod
    def ensure_not_null(cls, operations: Operations, column: str, *, on: str) -> None:
        """Makes a column NOT NULL without reading the table under a strong lock.

        Has to be alone in its revision.

        Args:
            operations: Alembic's `op`.
            column: the column's name.
            on: its table, `table` or `schema.table`.

        Raises:
            RefusedError: rows have nulls.
        """
        operations.invoke(cls(column, on))


@Operations.implementation_for(EnsureNotNull)
def _ensure_not_null(operations: Operations, operation: EnsureNotNull) -> None:
    if operations.get_context().as_sql:
        offline_constraints.ensure_not_null(operations, operation.column, operation.table)
        return
    with online(operations) as connection:
        not_null.ensure_not_null(connection, operation.column, operation.table, patience_of())


@Operations.register_operation("drop_not_null")
class DropNotNull(MigrateOperation):
    """A column may be null again."""

    def __init__(self, column: str, on: str) -> None:
        self.column = column
        self.table = _table(on)

    @classmethod
    def drop_not_null(cls, operations: Operations, column: str, *, on: str) -> None:
        """Lets a column be null, unless it may be already.

        Args:
            operations: Alembic's `op`.
            column: the column's name.
            on: its table, `table` or `schema.table`.
        """
        operations.invoke(cls(column, on))


@Operations.implementation_for(DropNotNull)
def _drop_not_null(operations: Operations, operation: DropNotNull) -> None:
    if operations.get_context().as_sql:
        offline_constraints.drop_not_null(operations, operation.column, operation.table)
        return
    with online(operations) as connection:
        not_null.drop_not_null(connection, operation.column, operation.table, patience_of())


@Operations.register_operation("rename_index_online")
class RenameIndexOnline(MigrateOperation):
    """An index has another name."""

    def __init__(self, name: str, new_name: str, on: str) -> None:
        self.name = name
        self.new_name = new_name
        self.table = _table(on)

    @classmethod
    def rename_index_online(cls, operations: Operations, name: str, new_name: str, *, on: str) -> None:
        """Renames an index, unless that has been done; reads and writes go on.

        Args:
            operations: Alembic's `op`.
            name: what it is called.
            new_name: what it is to be called.
            on: its table, `table` or `schema.table`.

        Raises:
            RefusedError: neither is there, both are, or a constraint stands on it (renamed with it).
        """
        operations.invoke(cls(name, new_name, on))


@Operations.implementation_for(RenameIndexOnline)
def _rename_index_online(operations: Operations, operation: RenameIndexOnline) -> None:
    if operations.get_context().as_sql:
        offline_constraints.rename_index(operations, operation.name, operation.new_name, operation.table)
        return
    with online(operations) as connection:
        index_rename.rename(connection, operation.name, operation.new_name, operation.table, patience_of())


def _table(name: str) -> TableName:
    schema, _, relation = name.rpartition(".")
    return TableName(schema or None, relation)
