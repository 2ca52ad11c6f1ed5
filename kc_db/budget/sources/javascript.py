"""PostgreSQL pools in the sources of JavaScript and TypeScript: a folder of services, or one service.

A folder of services holds them in `services/`, `packages/`, `apps/` or `workers/`, or side by side. What a
process opens is read from the text alone: numbers, constants of the same file and arithmetic with them. What
comes from the environment, from another file or from a loop is Unknown, with the reason; a driver's default
counts only where a pool states nothing. Tests, builds and dependencies are passed over.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._javascript.places import Pool
from kc_db.budget.sources._javascript.pools import pools_in
from kc_db.errors import InputError

_SUFFIXES = {".ts", ".tsx", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs"}
_CONTAINERS = ("services", "packages", "apps", "workers")
_NOT_SOURCES = {"node_modules", "dist", "build", "coverage"}
_TESTS = {"__tests__", "__mocks__", "test", "tests"}
_NOT_A_SOURCE = re.compile(r"\.(test|spec|d)\.[a-z]+$")
_MOST_BYTES = 1_000_000
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_MENTION = "new Pool("


def read(source: SourceTable) -> Iterator[Reading]:
    """The size of each pool that a service's sources open; nothing for a service that opens none.

    Raises:
        InputError: there is no such folder, it can't be read, or nothing says which service it is.
    """
    if source.file is None:
        raise InputError(
            'a source of kind "javascript" needs file: the folder of the services, or of one service'
        )
    root = Path(source.file)
    if not root.is_dir():
        problem = "is no folder" if root.exists() else "no such folder"
        raise InputError(f"{problem}; name the folder of the services, or of one service", file=source.file)
    services = {source.service: [root]} if source.service else _services(root)
    files = {
        name: [file for folder in folders for file in _files(folder)] for name, folders in services.items()
    }
    if not any(files.values()):
        raise InputError("no JavaScript or TypeScript in it", file=source.file)
    for name, sources in files.items():
        yield from _readings(name, [(file, pool) for file in sources for pool in _pools(file)])


def _services(root: Path) -> dict[str, list[Path]]:
    """The folders of each service, by its name."""
    containers = [root / name for name in _CONTAINERS if (root / name).is_dir()]
    folders = [folder for parent in containers or [root] for folder in _subfolders(parent)]
    is_package = (root / "package.json").exists()
    if is_package and not containers and not any((folder / "package.json").exists() for folder in folders):
        raise InputError(
            'the folder is one package, and nothing says which service; add service = "<name>"',
            file=str(root),
        )
    services: dict[str, list[Path]] = {}
    for folder in folders:
        services.setdefault(folder.name, []).append(folder)
    return services


def _subfolders(parent: Path) -> list[Path]:
    try:
        return sorted(entry for entry in parent.iterdir() if entry.is_dir() and _is_walked(entry.name))
    except OSError as error:
        raise _unreadable(error, parent) from None


def _is_walked(name: str) -> bool:
    return name not in _NOT_SOURCES and not name.startswith(".")


def _unreadable(error: OSError, file: Path) -> InputError:
    return InputError(f"can't be read: {error.strerror}", file=str(error.filename or file))


def _files(folder: Path) -> Iterator[Path]:
    """The sources in a folder, in an order that stays the same; links to folders aren't followed."""

    def end(error: OSError) -> None:
        raise _unreadable(error, folder)

    for parent, folders, files in os.walk(folder, onerror=end):
        folders[:] = sorted(name for name in folders if _is_walked(name) and name not in _TESTS)
        for name in sorted(files):
            if Path(name).suffix in _SUFFIXES and not _NOT_A_SOURCE.search(name):
                yield Path(parent, name)


def _pools(file: Path) -> list[Pool]:
    """The pools of one file; of one that is too large, only that it mentions some."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would never end
            return []
        content = file.read_bytes()
    except FileNotFoundError:  # a link that leads nowhere
        return []
    except OSError as error:
        raise _unreadable(error, file) from None
    text = _decoded(content)
    if len(content) <= _MOST_BYTES:
        return pools_in(text, file.suffix)
    if _MENTION not in text:
        return []
    line = text.count("\n", 0, text.index(_MENTION)) + 1
    return [
        Pool("", Unknown(f"the file is larger than 1 MB and mentions {_MENTION}"), line, f"{_MENTION}...)")
    ]


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    return content.decode(encoding, "replace")


def _readings(service: str, found: list[tuple[Path, Pool]]) -> Iterator[Reading]:
    """A service with one pool has the pool's keys itself; several are named."""
    pools = _named(found)
    for file, pool in pools:
        table = ("services", service) if len(pools) == 1 else ("services", service, "pools", pool.name)
        key, value = ("driver", "prisma") if pool.size is None else ("pool_size", pool.size)
        notes = "".join(f"; {note}" for note in pool.notes)
        yield Reading((*table, key), value, f"{_shown(file)}:{pool.line}: {pool.form}{notes}")


def _named(found: Iterable[tuple[Path, Pool]]) -> list[tuple[Path, Pool]]:
    """The pools under names that a budget file can hold, no two the same."""
    named: dict[str, tuple[Path, Pool]] = {}
    for file, pool in found:
        stem = file.parent.name if file.stem == "index" else file.stem.partition(".")[0]
        wanted = _name(pool.name) or _name(stem) or "pool"
        numbers = range(2, len(named) + 3)
        name = next(name for name in (wanted, *(f"{wanted}-{n}" for n in numbers)) if name not in named)
        named[name] = (file, replace(pool, name=name))
    return list(named.values())


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")


def _shown(file: Path) -> str:
    """The file, from the working directory where it lies below."""
    path = file.relative_to(Path.cwd()) if file.is_absolute() and file.is_relative_to(Path.cwd()) else file
    text = path.as_posix()
    return text if text.isprintable() else repr(text)[1:-1]
