"""YAML files that other tools wrote: reading them, and pointing at what is wrong in them.

Numbers, booleans and texts are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2, section 10.3):
`on` and `yes` are texts, and there are no dates. Tags that a tool made up (compose's !reset and !override)
don't change what a value is, except that !reset takes it away.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml import MappingNode, Node, SafeLoader
    from yaml.error import Mark, YAMLError

Step = str | int

_LONGEST_SHOWN = 40
# What PyYAML's own conversions raise for `!!timestamp x`, `!!bool maybe`, `!!int x` and the like.
_MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_CORE_SCHEMA = {
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    "tag:yaml.org,2002:float": (r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", ("~", "n", "N", "")),
    "tag:yaml.org,2002:merge": (r"<<", "<"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a document, whether anything stands there or not.

    Attributes:
        value: what YAML says there; None if it says nothing.
        steps: keys and indexes from the top of the document.
        file: the document's file.
        number: which of the file's documents it is, from 0.
    """

    value: object
    steps: tuple[Step, ...]
    file: str
    number: int = 0

    def at(self, *steps: str) -> "Field":
        """What stands further down.

        Raises:
            InputError: something on the way is no mapping.
        """
        found = self
        for step in steps:
            known = found.mapping()
            found = known.get(step) or Field(None, (*found.steps, step), self.file, self.number)
        return found

    def mapping(self) -> "dict[str, Field]":
        """Its keys; none if nothing stands here. Keys that are neither text nor number are left out.

        Raises:
            InputError: it is no mapping.
        """
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.error(f"must be a mapping, not {shown(self.value)}")
        pairs = ((str(key), value) for key, value in self.value.items() if isinstance(key, str | int))
        return {key: Field(value, (*self.steps, key), self.file, self.number) for key, value in pairs}

    def sequence(self) -> "list[Field]":
        """Its members; none if nothing stands here.

        Raises:
            InputError: it is no list.
        """
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {shown(self.value)}")
        return [
            Field(value, (*self.steps, index), self.file, self.number)
            for index, value in enumerate(self.value)
        ]

    def text(self) -> str | None:
        """A text, or a scalar as one; None if nothing stands here.

        Raises:
            InputError: it is a mapping, a list, or another odd thing.
        """
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if self.value is None or isinstance(self.value, str):
            return self.value
        if not isinstance(self.value, int | float):
            raise self.error(f"must be a text, not {shown(self.value)}")
        return str(self.value)

    def count(self) -> int | None:
        """A number of things; None if nothing stands here.

        Raises:
            InputError: it is no whole number from 0 to what PostgreSQL could ever serve.
        """
        if self.value is None:
            return None
        number = self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else -1
        if not 0 <= number <= MAXIMUM_MAX_CONNECTIONS:
            raise self.error(
                f"must be a whole number from 0 to {MAXIMUM_MAX_CONNECTIONS}, not {shown(self.value)}"
            )
        return number

    def error(self, message: str) -> InputError:
        """What is wrong with it: the file, its line and column, and the keys that lead there."""
        line, column = _position(self)
        name = dotted(self.steps)
        return InputError(f"{name} {message}" if name else message, file=self.file, line=line, column=column)


def dotted(steps: tuple[Step, ...]) -> str:
    """A way through a document, as people write it: spec.containers[0].env."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value as an error names it; never its members, which may be secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value).bit_length() > _LONGEST_SHOWN * 3:
        return "a number of many digits"  # Python writes no more than some thousand
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def read_documents(file: str, *, hint: str = "") -> list[Field]:
    """The documents of a file, in order, the empty ones too.

    Args:
        file: its name.
        hint: what the error adds if it is no YAML.

    Raises:
        InputError: it can't be read, or is no YAML.
    """
    from yaml import YAMLError, load_all

    text = _read_text(file)
    try:
        values = list(load_all(text, _loader()))
    except YAMLError as error:
        raise _syntax_error(file, error, hint) from None
    except RecursionError:
        raise InputError(f"not YAML that can be read: it is nested too deep{hint}", file=file) from None
    except _MISFITS:
        message = "a value isn't what its tag says, or is a number of thousands of digits"
        raise InputError(f"not YAML that can be read: {message}{hint}", file=file) from None
    return [Field(value, (), file, number) for number, value in enumerate(values)]


def _read_text(file: str) -> str:
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 (at byte {error.start}); save it as UTF-8", file=file) from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}; name the file that holds it", file=file) from None
    except ValueError:
        raise InputError("no file can have this name", file=file) from None


@cache
def _loader() -> "type[SafeLoader]":
    """PyYAML's fast safe loader, where it was built with it, for YAML 1.2's core schema."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # which base it is, is known at run time
        """Reads plain data and nothing else."""

        yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}

        def flatten_mapping(self, node: "MappingNode") -> None:
            """Takes merged keys in once each: PyYAML keeps doubles, of which a few lines make billions."""
            super().flatten_mapping(node)
            last = {_identity(key): (key, value) for key, value in node.value}
            node.value = list(last.values())

    for tag, (pattern, first) in _CORE_SCHEMA.items():
        Loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_multi_constructor("!", _untagged)
    return Loader


def _identity(key: "Node") -> object:
    return (key.tag, key.value) if isinstance(key.value, str) else id(key)


def _untagged(loader: Any, suffix: str, node: "Node") -> object:
    """A value whose tag only its tool knows."""
    from yaml import MappingNode, SequenceNode

    if suffix == "reset":
        return None
    if isinstance(node, MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def _syntax_error(file: str, error: "YAMLError", hint: str) -> InputError:
    mark: Mark | None = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it can't be parsed"
    if mark is None:
        return InputError(f"not YAML: {problem}{hint}", file=file)
    return InputError(f"not YAML: {problem}{hint}", file=file, line=mark.line + 1, column=mark.column + 1)


def _position(field: Field) -> tuple[int | None, int | None]:
    """1-based line and column, by parsing the file again: errors are rare. Merged keys are at their map."""
    from yaml import compose_all
    from yaml.error import YAMLError

    try:
        documents = list(compose_all(_read_text(field.file), _loader()))
        found = documents[field.number]
        for step in field.steps:
            found = next(_below(found, step), found)
    except (InputError, YAMLError, RecursionError, IndexError, AttributeError):  # pragma: no cover
        return None, None  # the file has changed meanwhile
    return found.start_mark.line + 1, found.start_mark.column + 1


def _below(node: "Node", step: Step) -> "Iterator[Node]":
    if isinstance(step, int):
        if isinstance(node.value, list) and step < len(node.value):
            yield node.value[step]
        return
    pairs = node.value if isinstance(node.value, list) else []
    for pair in pairs:
        if isinstance(pair, tuple) and pair[0].value == step:
            yield pair[1]
