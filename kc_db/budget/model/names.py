"""The words that a budget file may use where there is a choice."""

from typing import Literal, TypeAlias

PERCENT = 100

# PostgreSQL's own ceiling of max_connections: MAX_BACKENDS, see `max_val` in pg_settings.
MAXIMUM_MAX_CONNECTIONS = 262_143

Deploy = Literal[
    "rolling", "blue-green", "linear", "canary", "surge", "recreate", "start-first", "stop-first"
]
Kind = Literal["services", "workers"]
LimitSource = Literal["declared", "live", "override", "read", "bound"]
PoolMode = Literal["session", "transaction", "statement"]
Provider = Literal["rds", "aurora", "azure", "neon", "self-hosted"]
DriverName = Literal[
    "node-postgres",
    "postgres-js",
    "knex",
    "sequelize",
    "typeorm",
    "prisma",
    "sqlalchemy",
    "django",
    "asyncpg",
    "psycopg-pool",
    "hikaricp",
    "tomcat-jdbc",
    "npgsql",
    "pgx",
    "database-sql",
    "active-record",
    "ecto",
    "sqlx",
]
ScenarioName = Literal[
    "steady",
    "scaled-out",
    "deploy",
    "deploy-all",
    "blue-green-all",
    "second-deploy",
    "bouncer-lost",
    "replica-lost",
    "migration",
]
Path: TypeAlias = tuple[str, ...]
