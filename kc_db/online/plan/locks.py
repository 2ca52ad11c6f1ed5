"""Which lock a statement takes, on what, and what it does while it holds it.

Each line was read from pg_locks on PostgreSQL 14 to 18 (tests/postgres/test_plan_locks.py); where versions
differ, the stronger one stands. What only the catalog knows isn't here: dropping a foreign key, or a table
that has one, locks the table that it points to as well.
"""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import AlterTableType as At
from pglast.enums import ConstrType, ObjectType, ReindexObjectType
from pglast.parser import ParseError

from kc_db.indexes.model import TableName
from kc_db.online.plan.model import Effect, Lock, Mode, Work

_UNKNOWN = Effect(None)
_NOTHING = Effect(())
# Functions whose value stays the same in a statement: a column with such a default is added in a moment.
_STABLE = {"now", "transaction_timestamp", "statement_timestamp", "current_setting", "timezone"}
_ALTER = {
    At.AT_SetStatistics: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_SetOptions: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_ResetOptions: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_SetRelOptions: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_ResetRelOptions: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_ClusterOn: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_DropCluster: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.MOMENT),
    At.AT_ValidateConstraint: (Mode.SHARE_UPDATE_EXCLUSIVE, Work.SCAN),
    At.AT_SetNotNull: (Mode.ACCESS_EXCLUSIVE, Work.SCAN),
    At.AT_AlterColumnType: (Mode.ACCESS_EXCLUSIVE, Work.REWRITE),
    At.AT_SetTableSpace: (Mode.ACCESS_EXCLUSIVE, Work.REWRITE),
    At.AT_SetLogged: (Mode.ACCESS_EXCLUSIVE, Work.REWRITE),
    At.AT_SetUnLogged: (Mode.ACCESS_EXCLUSIVE, Work.REWRITE),
    At.AT_SetAccessMethod: (Mode.ACCESS_EXCLUSIVE, Work.REWRITE),
}
_MEANING = {"role", "session_authorization", "search_path"}  # what follows is about something else then
_TRIGGERS = {at for at in At if "Trig" in at.name}


def effect_of(statement: str) -> Effect:
    """What a statement locks; unknown where that depends on what it calls, or kc-db doesn't know it."""
    try:
        (parsed,) = parse_sql(statement)
    except (ParseError, ValueError):
        return _UNKNOWN
    return _effect(parsed.stmt)


@singledispatch
def _effect(_: Any) -> Effect:
    return _UNKNOWN


@_effect.register(ast.TransactionStmt)
@_effect.register(ast.CreateSchemaStmt)
@_effect.register(ast.CreateFunctionStmt)
@_effect.register(ast.CreateEnumStmt)
@_effect.register(ast.CreateSeqStmt)
@_effect.register(ast.CreateRoleStmt)
def _of_none(_: ast.Node) -> Effect:
    return _NOTHING


@_effect.register(ast.VariableSetStmt)
def _of_setting(node: Any) -> Effect:
    return _UNKNOWN if node.name in _MEANING else _NOTHING


@_effect.register(ast.IndexStmt)
def _of_index(node: Any) -> Effect:
    table = _name(node.relation)
    if node.concurrent:
        return Effect((Lock(table, Mode.SHARE_UPDATE_EXCLUSIVE),), Work.BUILD)
    is_empty_parent = not node.relation.inh
    return Effect((Lock(table, Mode.SHARE),), Work.MOMENT if is_empty_parent else Work.BUILD)


@_effect.register(ast.DropStmt)
def _of_drop(node: Any) -> Effect:
    kinds = {ObjectType.OBJECT_TABLE, ObjectType.OBJECT_MATVIEW, ObjectType.OBJECT_VIEW}
    if node.removeType == ObjectType.OBJECT_INDEX:
        mode = Mode.SHARE_UPDATE_EXCLUSIVE if node.concurrent else Mode.ACCESS_EXCLUSIVE
        return Effect(tuple(Lock(_of_strings(one), mode, of_index=True) for one in node.objects))
    if node.removeType in kinds:
        return Effect(tuple(Lock(_of_strings(one), Mode.ACCESS_EXCLUSIVE) for one in node.objects))
    if node.removeType in {ObjectType.OBJECT_TRIGGER, ObjectType.OBJECT_RULE, ObjectType.OBJECT_POLICY}:
        return Effect(tuple(Lock(_of_strings(one[:-1]), Mode.ACCESS_EXCLUSIVE) for one in node.objects))
    return _UNKNOWN


@_effect.register(ast.RenameStmt)
def _of_rename(node: Any) -> Effect:
    if node.renameType == ObjectType.OBJECT_INDEX:
        return Effect((Lock(_name(node.relation), Mode.SHARE_UPDATE_EXCLUSIVE, only_index=True),))
    if node.relation:
        return Effect((Lock(_name(node.relation), Mode.ACCESS_EXCLUSIVE),))
    return _UNKNOWN


@_effect.register(ast.ReindexStmt)
def _of_reindex(node: Any) -> Effect:
    concurrently = any(option.defname == "concurrently" for option in node.params or ())
    mode = Mode.SHARE_UPDATE_EXCLUSIVE if concurrently else Mode.SHARE
    if node.kind not in {ReindexObjectType.REINDEX_OBJECT_INDEX, ReindexObjectType.REINDEX_OBJECT_TABLE}:
        return _UNKNOWN
    of_index = node.kind == ReindexObjectType.REINDEX_OBJECT_INDEX
    return Effect((Lock(_name(node.relation), mode, of_index=of_index),), Work.BUILD)


@_effect.register(ast.CreateStmt)
def _of_table(node: Any) -> Effect:
    constraints = [one for one in node.tableElts or () if isinstance(one, ast.Constraint)]
    for column in node.tableElts or ():
        constraints += column.constraints or () if isinstance(column, ast.ColumnDef) else ()
    locks = [*_referenced(constraints)]
    inherited = Mode.ACCESS_EXCLUSIVE if node.partbound else Mode.SHARE_UPDATE_EXCLUSIVE
    locks += (Lock(_name(parent), inherited) for parent in node.inhRelations or ())
    return Effect(tuple(locks), makes=_name(node.relation))


@_effect.register(ast.CommentStmt)
def _of_comment(node: Any) -> Effect:
    names = {ObjectType.OBJECT_TABLE: None, ObjectType.OBJECT_COLUMN: -1, ObjectType.OBJECT_TABCONSTRAINT: -1}
    if node.objtype == ObjectType.OBJECT_INDEX:
        name = _of_strings(node.object)
        return Effect((Lock(name, Mode.SHARE_UPDATE_EXCLUSIVE, only_index=True),))
    if node.objtype not in names:
        return _UNKNOWN
    return Effect((Lock(_of_strings(node.object[: names[node.objtype]]), Mode.SHARE_UPDATE_EXCLUSIVE),))


@_effect.register(ast.AlterTableStmt)
def _of_alter(node: Any) -> Effect:
    if node.objtype == ObjectType.OBJECT_INDEX:
        return _of_alter_index(node)
    if node.objtype not in {ObjectType.OBJECT_TABLE, ObjectType.OBJECT_MATVIEW}:
        return _UNKNOWN
    table = _name(node.relation)
    effects = [_of_command(table, command) for command in node.cmds]
    locks: dict[TableName, Lock] = {}
    for lock in (lock for effect in effects for lock in effect.locks or ()):
        locks[lock.on] = max(locks.get(lock.on, lock), lock, key=lambda one: one.mode)
    works = list(Work)
    return Effect(tuple(locks.values()), max((effect.work for effect in effects), key=works.index))


def _of_alter_index(node: Any) -> Effect:
    (command, *_) = node.cmds
    index = _name(node.relation)
    if command.subtype == At.AT_AttachPartition:
        attached = _name(command.def_.name)
        return Effect(
            (
                Lock(attached, Mode.ACCESS_EXCLUSIVE, only_index=True),
                Lock(index, Mode.SHARE_UPDATE_EXCLUSIVE, only_index=True),
            )
        )
    mode, _work = _ALTER.get(command.subtype, (Mode.ACCESS_EXCLUSIVE, Work.MOMENT))
    return Effect((Lock(index, mode, only_index=True),))


def _of_command(table: TableName, command: Any) -> Effect:
    kind = command.subtype
    if kind == At.AT_AddConstraint:
        return _of_constraint(table, command.def_)
    if kind == At.AT_AddColumn:
        return _of_column(table, command.def_)
    if kind == At.AT_AttachPartition:
        partition = Lock(_name(command.def_.name), Mode.ACCESS_EXCLUSIVE)
        return Effect((Lock(table, Mode.SHARE_UPDATE_EXCLUSIVE), partition), Work.SCAN)
    if kind == At.AT_DetachPartition:
        mode = Mode.SHARE_UPDATE_EXCLUSIVE if command.def_.concurrent else Mode.ACCESS_EXCLUSIVE
        return Effect((Lock(table, mode), Lock(_name(command.def_.name), Mode.ACCESS_EXCLUSIVE)))
    if kind in _TRIGGERS:
        return Effect((Lock(table, Mode.SHARE_ROW_EXCLUSIVE),))
    mode, work = _ALTER.get(kind, (Mode.ACCESS_EXCLUSIVE, Work.MOMENT))
    return Effect((Lock(table, mode),), work)


def _of_constraint(table: TableName, constraint: Any) -> Effect:
    if constraint.contype == ConstrType.CONSTR_FOREIGN:
        own = Lock(table, Mode.SHARE_ROW_EXCLUSIVE)
        work = Work.MOMENT if constraint.skip_validation else Work.SCAN
        return Effect((own, *_referenced([constraint])), work)
    builds = {ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_EXCLUSION}
    if constraint.contype in builds:
        work = Work.MOMENT if constraint.indexname else Work.BUILD
    else:
        work = Work.MOMENT if constraint.skip_validation else Work.SCAN
    return Effect((Lock(table, Mode.ACCESS_EXCLUSIVE),), work)


def _of_column(table: TableName, column: Any) -> Effect:
    constraints = list(column.constraints or ())
    works = [_work_of_new(constraint) for constraint in constraints]
    serial = column.typeName.names[-1].sval in {"serial", "bigserial", "smallserial"}
    works.append(Work.REWRITE if serial else Work.MOMENT)
    order = list(Work)
    locks = (Lock(table, Mode.ACCESS_EXCLUSIVE), *_referenced(constraints))
    return Effect(locks, max(works, key=order.index))


def _work_of_new(constraint: Any) -> Work:
    """What a constraint of a new column costs: a rewrite, if the value isn't the same in each row."""
    kind = constraint.contype
    if kind in {ConstrType.CONSTR_IDENTITY, ConstrType.CONSTR_GENERATED}:
        return Work.REWRITE
    if kind == ConstrType.CONSTR_DEFAULT:
        return (
            Work.REWRITE if any(name not in _STABLE for name in _called(constraint.raw_expr)) else Work.MOMENT
        )
    if kind in {ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_PRIMARY}:
        return Work.BUILD
    return Work.SCAN if kind in {ConstrType.CONSTR_CHECK, ConstrType.CONSTR_FOREIGN} else Work.MOMENT


def _called(node: object) -> Iterator[str]:
    """Names of the functions in an expression."""
    if isinstance(node, ast.FuncCall):
        yield str(node.funcname[-1].sval)  # type: ignore[index]
    if isinstance(node, tuple):
        for one in node:
            yield from _called(one)
    elif isinstance(node, ast.Node):
        for slot in node:
            yield from _called(getattr(node, slot))


def _referenced(constraints: list[Any]) -> Iterator[Lock]:
    for constraint in constraints:
        if constraint.contype == ConstrType.CONSTR_FOREIGN:
            yield Lock(_name(constraint.pktable), Mode.SHARE_ROW_EXCLUSIVE)


@_effect.register(ast.InsertStmt)
@_effect.register(ast.UpdateStmt)
@_effect.register(ast.DeleteStmt)
def _of_change(node: Any) -> Effect:
    return Effect((Lock(_name(node.relation), Mode.ROW_EXCLUSIVE),), Work.ROWS)


@_effect.register(ast.TruncateStmt)
def _of_truncate(node: Any) -> Effect:
    return Effect(tuple(Lock(_name(one), Mode.ACCESS_EXCLUSIVE) for one in node.relations))


@_effect.register(ast.LockStmt)
def _of_lock(node: Any) -> Effect:
    return Effect(tuple(Lock(_name(one), Mode(node.mode)) for one in node.relations))


@_effect.register(ast.CreateTrigStmt)
def _of_trigger(node: Any) -> Effect:
    return Effect((Lock(_name(node.relation), Mode.SHARE_ROW_EXCLUSIVE),))


@_effect.register(ast.RefreshMatViewStmt)
def _of_refresh(node: Any) -> Effect:
    mode = Mode.EXCLUSIVE if node.concurrent else Mode.ACCESS_EXCLUSIVE
    return Effect((Lock(_name(node.relation), mode),), Work.REWRITE)


@_effect.register(ast.VacuumStmt)
def _of_vacuum(node: Any) -> Effect:
    full = node.is_vacuumcmd and any(option.defname == "full" for option in node.options or ())
    mode = Mode.ACCESS_EXCLUSIVE if full else Mode.SHARE_UPDATE_EXCLUSIVE
    locks = tuple(Lock(_name(one.relation), mode) for one in node.rels or ())
    return Effect(locks or None, Work.REWRITE if full else Work.SCAN)


def _name(relation: Any) -> TableName:
    return TableName(relation.schemaname, relation.relname)


def _of_strings(parts: Any) -> TableName:
    *schema, name = (part.sval for part in parts)
    return TableName(schema[-1] if schema else None, name)
