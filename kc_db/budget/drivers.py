"""What a pool may grow to where a service says its driver: the driver's own defaults, and its odd zeros."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kc_db.budget.model import DriverName
from kc_db.budget.sources import Unknown

Size = int | Unknown
_LAST_OWN_PRISMA_POOL = 6
_SQLALCHEMY_POOL_SIZE, _SQLALCHEMY_OVERFLOW = 5, 10
_NODE_POSTGRES_MAX = 10
_PGX_LEAST = 4


class Settings(NamedTuple):
    """What the budget says of a pool with a driver; None for what it doesn't say."""

    pool_size: int | None = None
    max_overflow: int | None = None
    threads: int | None = None
    cpus: int | None = None
    driver_version: int | None = None


def pool_size(driver: DriverName, settings: Settings) -> Size:
    """Most connections that one process opens with this driver, or why nobody can tell."""
    return _DRIVERS[driver](settings)


def _default(size: int) -> Callable[[Settings], Size]:
    return lambda settings: size if settings.pool_size is None else settings.pool_size


def _node_postgres(settings: Settings) -> Size:
    """pg-pool's constructor: `max = max || poolSize || 10`, so 0 is 10."""
    return settings.pool_size or _NODE_POSTGRES_MAX


def _sqlalchemy(settings: Settings) -> Size:
    """SQLAlchemy, QueuePool: 5 and 10 more; pool_size = 0 and max_overflow = -1 are no limit."""
    size = _SQLALCHEMY_POOL_SIZE if settings.pool_size is None else settings.pool_size
    overflow = _SQLALCHEMY_OVERFLOW if settings.max_overflow is None else settings.max_overflow
    if size == 0:
        return Unknown("SQLAlchemy's pool_size = 0 is a pool without end")
    if overflow < 0:
        return Unknown("SQLAlchemy's max_overflow = -1 is a pool without end")
    return size + overflow


def _prisma(settings: Settings) -> Size:
    """Prisma, "Connection pool": up to version 6 2 x CPUs + 1; later ones leave it to the driver, pg's 10."""
    if settings.pool_size is not None:
        return settings.pool_size
    if (settings.driver_version or 0) > _LAST_OWN_PRISMA_POOL:
        return _NODE_POSTGRES_MAX
    if settings.cpus is None:
        return Unknown("Prisma's default is 2 x CPUs + 1, and nothing says its cpus")
    return 2 * settings.cpus + 1


def _django(settings: Settings) -> Size:
    """Django, "Persistent connections": one for each thread and alias; here each alias is a pool."""
    if settings.threads is not None and settings.pool_size is None:
        return settings.threads
    if settings.pool_size is None:
        return Unknown("Django opens a connection for each thread, and nothing says its threads")
    return settings.pool_size


def _pgx(settings: Settings) -> Size:
    """pgxpool.Config, MaxConns: the greater of 4 and the number of CPUs."""
    if settings.pool_size:
        return settings.pool_size
    if settings.cpus is None:
        return Unknown("pgxpool's default is the number of CPUs, 4 at least, and nothing says its cpus")
    return max(_PGX_LEAST, settings.cpus)


def _database_sql(settings: Settings) -> Size:
    """Go's database/sql, SetMaxOpenConns: 0, the default, is no limit."""
    return settings.pool_size or Unknown("Go's database/sql has no limit unless SetMaxOpenConns gives it one")


_DRIVERS: Mapping[DriverName, Callable[[Settings], Size]] = {
    "node-postgres": _node_postgres,
    "typeorm": _node_postgres,  # hands `poolSize` to pg
    "postgres-js": _default(10),  # `max`
    "knex": _default(10),  # tarn's `pool.max`
    "sequelize": _default(5),  # `pool.max`
    "prisma": _prisma,
    "sqlalchemy": _sqlalchemy,
    "django": _django,
    "asyncpg": _default(10),  # create_pool's max_size
    "psycopg-pool": _default(4),  # ConnectionPool's max_size is min_size, 4
    "hikaricp": _default(10),  # maximumPoolSize
    "tomcat-jdbc": lambda settings: settings.pool_size or 100,  # maxActive; less than 1 is 100
    "npgsql": _default(100),  # Maximum Pool Size
    "pgx": _pgx,
    "database-sql": _database_sql,
    "active-record": _default(5),  # pool
    "ecto": _default(10),  # pool_size
    "sqlx": _default(10),  # PoolOptions.max_connections
}
