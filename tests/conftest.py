"""Fixtures that every test may use: a server, and a fresh database on it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from tests.servers import Server, serving

Connection = psycopg.Connection[tuple[object, ...]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        default="embedded",
        metavar="WHERE",
        help="the server for tests: embedded (default), 14 to 18 (from npm), docker:<tag>, or a server's URL",
    )


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that --postgres names."""
    folder = tmp_path_factory.mktemp("server")
    with serving(pytestconfig.getoption("--postgres"), folder) as running_server:
        yield running_server


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """The URL of an empty database, which is dropped after the test."""
    name = f"kc_test_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def connect(database_url: str) -> Iterator[Callable[..., Connection]]:
    """Opens autocommit connections to the fresh database, or to another URL; closes them after the test."""
    with ExitStack() as stack:

        def open_one(url: str = database_url) -> Connection:
            return stack.enter_context(psycopg.connect(url, autocommit=True))

        yield open_one


@pytest.fixture
def connection(connect: Callable[..., Connection]) -> Connection:
    """One autocommit connection to the fresh database."""
    return connect()
