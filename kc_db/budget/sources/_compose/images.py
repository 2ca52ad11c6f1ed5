"""What a service of a compose file is, by its image: a PostgreSQL server, a PgBouncer, or neither."""

import re
from typing import Literal

Role = Literal["database", "pooler", "no pool", "service"]

# The last part of an image's name is enough: mirrors and forks keep it.
_DATABASES = re.compile(
    r"postgres|postgresql(?:-\d+|-repmgr)?|postgis|pgvector|timescaledb(?:-ha)?|citus|paradedb"
    r"|pgvecto-rs|vchord-postgres"
)
_POOLERS = frozenset({"pgbouncer", "docker-pgbouncer", "crunchy-pgbouncer"})
# Whole names, which nobody but their makers may use: no image of one's own is taken for one without a pool.
_WITHOUT_POOL = frozenset(
    {
        *("redis", "valkey/valkey", "memcached", "bitnami/redis", "bitnami/memcached", "redis/redis-stack"),
        *("nginx", "httpd", "caddy", "traefik", "haproxy", "bitnami/nginx", "nginxinc/nginx-unprivileged"),
        *("rabbitmq", "bitnami/rabbitmq", "nats", "eclipse-mosquitto", "zookeeper", "apache/kafka"),
        *("bitnami/kafka", "confluentinc/cp-kafka", "confluentinc/cp-zookeeper"),
        *(
            "mongo",
            "bitnami/mongodb",
            "mysql",
            "mariadb",
            "cassandra",
            "couchdb",
            "influxdb",
            "elasticsearch",
        ),
        *("minio/minio", "prom/prometheus", "mailhog/mailhog", "axllent/mailpit", "localstack/localstack"),
    }
)
_HUB = re.compile(r"(?:(?:docker\.io|index\.docker\.io|registry-1\.docker\.io)/)?(?:library/)?")


def role(image: str, *, is_built: bool) -> Role:
    """What an image runs.

    Args:
        image: as `image:` says it; empty if it doesn't.
        is_built: whether the service builds it itself, and only names it so.
    """
    name = _name(image)
    last = name.rsplit("/", 1)[-1]
    if _DATABASES.fullmatch(last):
        return "database"
    if last in _POOLERS:
        return "pooler"
    return "no pool" if name in _WITHOUT_POOL and not is_built else "service"


def is_timescale(image: str) -> bool:
    """Whether its first start sets max_connections by the memory that it finds."""
    return _name(image).rsplit("/", 1)[-1].startswith("timescaledb")


def is_bitnami(image: str) -> bool:
    """Whether it is one of Bitnami's."""
    return _name(image).startswith(("bitnami/", "bitnamilegacy/", "bitnamisecure/"))


def _name(image: str) -> str:
    """The name without tag, digest and Docker Hub's registry."""
    path = image.partition("@")[0].strip()
    head, slash, last = path.rpartition("/")
    return _HUB.sub("", f"{head}{slash}{last.partition(':')[0]}", count=1).lower()
