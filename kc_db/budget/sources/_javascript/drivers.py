"""Which calls of which packages open PostgreSQL connections, and how many: options and defaults of drivers.

Asked of the packages themselves, by running or reading them: pg 8.23.1, pg-pool 3.14.0, postgres 3.4.9,
knex 3.3.0, sequelize 6.37.8, typeorm 1.1.1, slonik 47.3.2, pg-promise 12.7.1, drizzle-orm 0.45.4,
@prisma/adapter-pg 7.10.1, @neondatabase/serverless 1.2.0.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.sources import Unknown
from kc_db.budget.sources._javascript.names import ABSENT, Field, Names, Options
from kc_db.budget.sources._javascript.tree import arguments, bare, child, show, string
from kc_db.budget.sources._javascript.values import Environment, Opaque, number, variables, words

if TYPE_CHECKING:
    from tree_sitter import Node

_TEN, _SEQUELIZE_MAX = 10, 5
_KNEX_CLIENTS = {"pg", "postgres", "postgresql", "pgnative"}
_URL_MAX = re.compile(r"[?&]max=(\d{1,6})(?:&|$)")
_URL_LIMIT = re.compile(r"[?&]connection_limit=(\d{1,6})(?:&|$)")
_POOL_NAME = re.compile(r"(pool|client|db)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """What a call opens.

    Attributes:
        size: most connections; None where the driver's own default counts (Prisma).
        note: where the size comes from, if the call doesn't state it.
    """

    size: int | Unknown | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that opens connections: its arguments, and how a message says it."""

    names: Names
    arguments: "tuple[Node, ...]"
    form: str

    def argument(self, index: int) -> "Node | None":
        """The argument, if there are so many."""
        return self.arguments[index] if index < len(self.arguments) else None

    def options(self, index: int) -> Options:
        """The options that an argument holds."""
        return self.names.options(self.argument(index))

    def nested(self, options: Options, key: str) -> Options:
        """The options under a key of options."""
        found = options.fields.get(key)
        if found is None:
            return Options(is_open=options.is_open)
        return Options(is_open=True) if isinstance(found, Opaque) else self.names.options(found)

    def size(self, value: Field, key: str, *, least: int = 0) -> int | Unknown:
        """The number of connections that an option says, or why nobody can tell."""
        match number(value) if value is not ABSENT else None:
            case Environment(names, default):
                default = f" ({words(default)} if unset)" if isinstance(default, int) else ""
                only = names[0] if len(names) == 1 else None
                return Unknown(f"{key} comes from {variables(names)}{default}", variable=only)
            case Opaque(""):
                return Unknown(f"its {key} can't be told from {self.form}")
            case Opaque(why):
                return Unknown(f"{key} {why}")
            case int(size) if least <= size <= MAXIMUM_MAX_CONNECTIONS:
                return size
            case other:
                return Unknown(f"{key} is {words(other)}, which is no size of a pool")


def _node_postgres(call: Call, options: Options, first: Field = ABSENT) -> Found:
    """pg-pool's constructor: `max = max || poolSize || 10`; `first` stands for a max that isn't there."""
    given = call.names.field(options, "max")
    for key, value in (
        ("max", first if given is ABSENT else given),
        ("poolSize", call.names.field(options, "poolSize")),
    ):
        if value is not ABSENT and value not in (None, 0, ""):
            return Found(call.size(value, key))
    note = "no max: node-postgres' default" if given is ABSENT else "node-postgres takes this max for 10"
    return Found(_TEN, note)


def _pool(call: Call) -> Found:
    return _node_postgres(call, Options() if _is_address(call) else call.options(0))


def _client(_call: Call) -> Found:
    return Found(1, "one connection, not a pool")


def _is_address(call: Call) -> bool:
    return call.names.is_address(call.argument(0))


def _plain(call: Call, options: Options, keys: tuple[str, str], default: int, *, least: int = 0) -> Found:
    """A driver that takes its option as it stands, or its default; `keys` are the option and the driver."""
    key, driver = keys
    value = call.names.field(options, key.rpartition(".")[2])
    if value is ABSENT:
        return Found(default, f"no {key}: {driver}'s default")
    return Found(call.size(value, key, least=least))


def _postgres_js(call: Call) -> Found:
    """An option, else the URL's, else that of PGMAX, else 10 (postgres, src/index.js, parseOptions)."""
    is_address = _is_address(call)
    found = _plain(call, call.options(1 if is_address else 0), ("max", "postgres.js"), _TEN)
    stated = _URL_MAX.search(string(call.argument(0)) or "")
    return Found(int(stated[1]), "from its URL") if stated and found.note else found


def _slonik(call: Call) -> Found:
    return _plain(call, call.options(1), ("maximumPoolSize", "slonik"), _TEN, least=1)


def _speaks_postgres(value: Field, names: set[str]) -> bool:
    """Whether a driver for several databases is told PostgreSQL, or may be."""
    if isinstance(value, Environment):
        value = value.default
    return value in names if isinstance(value, str) else isinstance(value, Opaque) or value is None


def _knex(call: Call) -> Found | None:
    """Tarn's pool.max, 10 in knex (lib/client.js, poolDefaults); it refuses 0."""
    options = Options() if _is_address(call) else call.options(0)
    client = call.names.field(options, "client")
    is_postgres = _is_address(call) or (client is not ABSENT and _speaks_postgres(client, _KNEX_CLIENTS))
    if not is_postgres:
        return None
    return _plain(call, call.nested(options, "pool"), ("pool.max", "knex"), _TEN, least=1)


def _sequelize(call: Call) -> Found | None:
    """pool.max, 5 by default (lib/dialects/abstract/connection-manager.js); options are the last argument."""
    last = len(call.arguments) - 1
    has_address = _is_address(call)
    options = Options() if last < 0 or (last == 0 and has_address) else call.options(last)
    dialect = call.names.field(options, "dialect")
    address = string(call.argument(0))
    if dialect is ABSENT:
        is_postgres = has_address and (address is None or address.startswith("postgres"))
    else:
        is_postgres = _speaks_postgres(dialect, {"postgres"})
    if not is_postgres:
        return None
    found = _plain(call, call.nested(options, "pool"), ("pool.max", "sequelize"), _SEQUELIZE_MAX, least=1)
    return _replicated(options, found)


def _replicated(options: Options, found: Found) -> Found:
    """Sequelize and TypeORM open a pool for the writer, and others for readers, which are other servers."""
    if "replication" not in options.fields:
        return found
    each = f" of {found.size}" if isinstance(found.size, int) else ""
    return Found(Unknown(f"replication opens a pool{each} for each server; state them as pools"))


def _typeorm(call: Call) -> Found | None:
    """PostgresDriver.createPool: { max: poolSize, ...extra }, which pg's Pool takes."""
    if not call.arguments:
        return Found(Unknown("its options are in a file of TypeORM's own"))
    return _typeorm_options(call, call.options(0))


def _typeorm_options(call: Call, options: Options) -> Found | None:
    kind = call.names.field(options, "type")
    if kind is ABSENT or not _speaks_postgres(kind, {"postgres"}):
        return None
    found = _node_postgres(call, call.nested(options, "extra"), call.names.field(options, "poolSize"))
    return _replicated(options, found)


def _nest_async(call: Call) -> Found | None:
    """forRootAsync({ useFactory: () => options })."""
    factory = call.options(0).fields.get("useFactory")
    body = None if factory is None or isinstance(factory, Opaque) else bare(child(factory, "body"))
    if body is not None and body.type == "statement_block":
        returns = [part for part in body.named_children if part.type == "return_statement"]
        body = returns[0].named_child(0) if len(returns) == 1 else None
    return _typeorm_options(call, call.names.options(body) if body else Options(is_open=True))


def _prisma(call: Call) -> Found | None:
    """An adapter brings connections of its own; without one Prisma's default counts, or the URL's limit."""
    options = call.options(0)
    if {"adapter", "accelerateUrl"} & options.fields.keys():
        return None
    sources = call.nested(options, "datasources")
    urls = [call.names.field(call.nested(sources, key), "url") for key in sources.fields]
    for url in (*urls, call.names.field(options, "datasourceUrl")):
        limit = _URL_LIMIT.search(url) if isinstance(url, str) else None
        if limit:
            return Found(int(limit[1]), "connection_limit of its URL")
    return Found(None, "Prisma's own limit, unless its URL says connection_limit")


def _adapter(call: Call) -> Found | None:
    """PrismaPg(options) opens a pg.Pool, PrismaPg(pool) takes one that stands elsewhere."""
    node = bare(call.argument(0))
    symbol = call.names.symbol(node) if node is not None and node.type == "identifier" else None
    made = bare(symbol.value) if symbol else None
    is_pool = any(
        part is not None and part.type in {"new_expression", "call_expression"} for part in (node, made)
    )
    is_named_so = not _is_address(call) and call.options(0).is_open and _POOL_NAME.search(show(node))
    return None if is_pool or is_named_so else _pool(call)


def _drizzle(call: Call) -> Found | None:
    """drizzle(url) and drizzle({ connection }) open a pool; drizzle(pool), drizzle({ client }) take one."""
    if _is_address(call):
        return Found(_TEN, "no max: the driver's default")
    options = call.options(0)
    connection = options.fields.get("connection")
    if "client" in options.fields or connection is None:
        return None
    is_address = not isinstance(connection, Opaque) and call.names.is_address(connection)
    return _node_postgres(call, Options() if is_address else call.nested(options, "connection"))


_FORMS: Mapping[tuple[str, str], Callable[[Call], Found | None]] = {
    ("pg", "Pool"): _pool,
    ("pg-pool", ""): _pool,
    ("@neondatabase/serverless", "Pool"): _pool,
    ("pg-promise", "()"): _pool,
    ("pg", "Client"): _client,
    ("@neondatabase/serverless", "Client"): _client,
    ("postgres", ""): _postgres_js,
    ("slonik", "createPool"): _slonik,
    ("knex", ""): _knex,
    ("knex", "knex"): _knex,
    ("sequelize", ""): _sequelize,
    ("sequelize", "Sequelize"): _sequelize,
    ("sequelize-typescript", "Sequelize"): _sequelize,
    ("@nestjs/sequelize", "SequelizeModule.forRoot"): _sequelize,
    ("typeorm", "DataSource"): _typeorm,
    ("typeorm", "createConnection"): _typeorm,
    ("@nestjs/typeorm", "TypeOrmModule.forRoot"): _typeorm,
    ("@nestjs/typeorm", "TypeOrmModule.forRootAsync"): _nest_async,
    ("@prisma/adapter-pg", "PrismaPg"): _adapter,
    ("@prisma/adapter-neon", "PrismaNeon"): _adapter,
    ("drizzle-orm/node-postgres", "drizzle"): _drizzle,
    ("drizzle-orm/postgres-js", "drizzle"): _drizzle,
    ("drizzle-orm/neon-serverless", "drizzle"): _drizzle,
}


def opener(export: tuple[str, str]) -> Callable[[Call], Found | None] | None:
    """What tells how many connections a call of this export opens; None if it opens none.

    Args:
        export: the module, and the path of the export in it: ("pg", "Pool").
    """
    if export[1] == "PrismaClient":  # Prisma generates its client where the schema says
        return _prisma
    return _FORMS.get(export)


def call_of(names: Names, node: "Node", callee: str) -> Call:
    """The call, with a form that shows names and keys of options, and no texts."""
    given = arguments(node)
    shown = ", ".join(_shown(argument) for argument in given)
    new = "new " if node.type == "new_expression" else ""
    return Call(names, tuple(given), f"{new}{callee}({shown})")


def _shown(node: "Node") -> str:
    if node.type != "object":
        return show(node)
    keys = [_shown_key(part) for part in node.named_children]
    sizes = [key for key in keys if key in {"max", "poolSize", "pool", "extra", "maximumPoolSize"}]
    return f"{{ {', '.join(sizes)} }}" if sizes else "{ ... }" if keys else "{}"


def _shown_key(node: "Node") -> str:
    """The key of a part of an object, as far as it is a plain one."""
    key = child(node, "key")
    if key is None:
        return show(node) if node.type == "shorthand_property_identifier" else ""
    return (key.text or b"").decode("utf-8", "replace") if key.type == "property_identifier" else ""
