"""The services of a compose file, with what they extend and what the file includes.

Sources: https://docs.docker.com/reference/compose-file/services/#extends and
https://docs.docker.com/reference/compose-file/include/. Files that compose would merge (an override file) are
not read: a source names one file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._compose.values import (
    Variables,
    env_files,
    environment,
    interpolated,
    read_env_file,
)
from kc_db.budget.sources._yaml import Field, dotted, read_documents
from kc_db.errors import InputError


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: its key in `services`.
        layers: what it says itself, then what it extends, and what that extends.
        missing: why a layer can't be read, as a sentence's end; empty if all are there.
    """

    name: str
    layers: tuple[Field, ...]
    missing: str = ""

    def at(self, *steps: str) -> Field:
        """What the first layer that says anything there says; the place in its own if none does."""
        fields = [layer.at(*steps) for layer in self.layers]
        return next((field for field in fields if field.value is not None), fields[0])

    def variables_origin(self) -> str:
        """Where its environment stands."""
        stated = [key for key in ("environment", "env_file") if self.at(key).value is not None]
        place = origin(self.layers[0])
        return (
            f"{place} (environment or env_file)"
            if len(stated) > 1
            else f"{place}.{(*stated, 'environment')[0]}"
        )

    def variables(self) -> tuple[Variables, str]:
        """Its environment, and what keeps more of it from being seen, as a sentence's end."""
        found: Variables = {}
        hidden = [self.missing] if self.missing else []
        for layer in reversed(self.layers):
            hidden += _from_files(layer, found)
        for layer in reversed(self.layers):
            found.update(environment(layer.at("environment")))
        return found, " and ".join(hidden)


def origin(field: Field) -> str:
    """Where a value stands: "compose.yaml: services.api.scale"."""
    return f"{field.file}: {dotted(field.steps)}"


def services(file: str) -> list[Service]:
    """The services of a compose file and of those that it includes, in order.

    Raises:
        InputError: a file can't be read, is no compose file, or includes what isn't there.
    """
    documents: dict[str, Field] = {}
    found: dict[str, Service] = {}
    waiting = [file]
    while waiting:
        current = waiting.pop(0)
        if current in documents:
            continue
        documents[current] = root = _root(current)
        for name, field in root.at("services").mapping().items():
            found.setdefault(name, _service(name, field, documents))
        waiting += _included(root)
    if not found:
        raise InputError("no services in it; name a compose file", file=file)
    return list(found.values())


def _root(file: str) -> Field:
    documents = [field for field in read_documents(file) if field.value is not None]
    if len(documents) != 1:
        raise InputError(f"holds {len(documents)} documents, and a compose file is one", file=file)
    documents[0].mapping()
    return documents[0]


def _included(root: Field) -> Iterator[str]:
    for entry in root.at("include").sequence():
        paths = entry.at("path") if isinstance(entry.value, dict) else entry
        for path in paths.sequence() if isinstance(paths.value, list) else [paths]:
            text = interpolated(path.text() or "")
            if isinstance(text, Unknown) or not _is_file(_beside(root, text)):
                raise path.error("includes a file that isn't there; name the file, or leave it away")
            yield str(_beside(root, text))


def _service(name: str, field: Field, documents: dict[str, Field]) -> Service:
    """The service with its layers; a base that can't be read ends them."""
    layers: list[Field] = []
    following: Field | None = field
    while following is not None:
        if any((known.file, known.steps) == (following.file, following.steps) for known in layers):
            return Service(name, tuple(layers), f"{dotted(field.steps)} extends itself")
        layers.append(following)
        if following.at("extends").value is None:
            return Service(name, tuple(layers))
        following = _base(following, documents)
    return Service(name, tuple(layers), f"what {dotted(layers[-1].steps)} extends isn't there")


def _base(field: Field, documents: dict[str, Field]) -> Field | None:
    extends = field.at("extends")
    is_short = isinstance(extends.value, str)
    name = (extends if is_short else extends.at("service")).text()
    path = None if is_short else extends.at("file").text()
    known = None if path is None else interpolated(path)
    if isinstance(known, Unknown) or name is None:
        return None
    file = field.file if known is None else str(_beside(field, known))
    if file not in documents:
        try:
            documents[file] = _root(file)
        except InputError:
            return None
    return documents[file].at("services").mapping().get(name)


def _from_files(layer: Field, variables: Variables) -> Iterator[str]:
    """Takes in a layer's env files; yields those that aren't there.

    What a required one could override is unknown. An optional one is left out, as compose does.
    """
    for path, is_required in env_files(layer.at("env_file")):
        read = read_env_file(_beside(layer, path))
        if read is not None:
            variables.update(read)
            continue
        yield f"the env_file {path} of {dotted(layer.steps)} isn't there"
        if is_required:
            why = f"may be overridden by the env_file {path}, which isn't there"
            variables.update(dict.fromkeys(variables, Unknown(why)))


def _beside(field: Field, path: str) -> Path:
    """A path of a compose file, which is relative to it; the same file has the same path, wherever from."""
    return Path(normpath(Path(field.file).parent / path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
