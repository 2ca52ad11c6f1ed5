"""The driver's own connection behind Alembic's operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic.operations import Operations

from kc_db.database import Connection


@contextmanager
def online(operations: Operations) -> Iterator[Connection]:
    """In autocommit mode: CONCURRENTLY can't run in a transaction, and no lock may outlive its statement."""
    with operations.get_context().autocommit_block():
        bind: Any = operations.get_bind()
        yield bind.connection.driver_connection
