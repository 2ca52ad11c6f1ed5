"""Which resource an attribute refers to, while its value is known only after apply.

`configuration` says the references of each expression, and no more: `svc[each.key].arn` is
["aws_ecs_service.svc", "each.key"], `svc["a"].arn` is that with every prefix, and what a local holds isn't
said at all (measured with Terraform 1.11; https://developer.hashicorp.com/terraform/internals/json-format).
Where that leaves a choice, there are several answers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kc_db.budget.sources._terraform.plan import Plan, Resource, Tree

_INDEX = r'(\[(?:"(?:[^"\\]|\\.)*"|[0-9]+)\])?'
_MODULE = re.compile(r"module\.([\w-]+)" + _INDEX)
_RESOURCE = re.compile(r"([a-z]\w*_\w+)\.([\w-]+)" + _INDEX)
# Through more modules than this goes nobody.
_DEEPEST = 20

Index = str | int | None


@dataclass(frozen=True, slots=True)
class _Scope:
    """One instance of a module, and the resource or module call in it whose expression is looked at.

    Attributes:
        module: address of the module's instance.
        index: what each.key or count.index is there.
        for_each: what its for_each refers to.
    """

    module: str
    index: Index
    for_each: Sequence[str] = ()


def referred(plan: Plan, resource: Resource, attribute: str, *types: str) -> list[Resource]:
    """The resources of some types that an attribute can refer to: one if it is certain, none if unseen."""
    configured = _configured(plan, resource)
    scope = _Scope(resource.module, resource.index, _references(configured.get("for_each_expression")))
    references = _references(_tree(configured.get("expressions")).get(attribute))
    found = {each.address: each for each in _Walk(plan, types).follow(references, scope) if each != resource}
    return list(found.values())


def is_configured(plan: Plan, resource: Resource, attribute: str) -> bool:
    """Whether the configuration sets an attribute; what it doesn't set is the provider's default.

    Of a resource that the configuration doesn't have, nobody knows, and the answer is yes.
    """
    configured = _configured(plan, resource)
    return not configured or attribute in _tree(configured.get("expressions"))


class _Walk:
    """One search through variables and outputs, for resources of some types."""

    def __init__(self, plan: Plan, types: Sequence[str]) -> None:
        self._plan, self._types = plan, types
        self._seen: set[tuple[str, str, Index]] = set()

    def follow(self, references: Sequence[str], scope: _Scope, depth: int = _DEEPEST) -> Iterator[Resource]:
        """What the references of one expression lead to."""
        for reference in _most_exact(references):
            place = (reference, scope.module, scope.index)
            if place in self._seen or not depth:
                continue
            self._seen.add(place)
            if reference.startswith("var."):
                inner = self._given(reference, scope)
            elif reference.startswith("module."):
                inner = self._outputs(reference, references, scope)
            elif reference.startswith("each.value") and scope.for_each:
                # for_each over other resources: their keys are this one's.
                inner = [([*scope.for_each, "each.key"], _Scope(scope.module, scope.index))]
            else:
                yield from self._resources(reference, references, scope)
                continue
            for each, there in inner:
                yield from self.follow(each, there, depth - 1)

    def _resources(self, reference: str, references: Sequence[str], scope: _Scope) -> list[Resource]:
        """The instances of a resource that a reference may mean."""
        match = _RESOURCE.match(reference)
        if match is None or match[1] not in self._types:
            return []
        all_of_type = self._plan.of_type(match[1])
        named = [each for each in all_of_type if (each.module, each.name) == (scope.module, match[2])]
        if match[3]:
            return [each for each in named if _written(each.index) == match[3]]
        if len(named) > 1 and _by_own_index(references, scope):
            return [each for each in named if each.index == scope.index] or named
        return named

    def _given(self, reference: str, scope: _Scope) -> list[tuple[Sequence[str], _Scope]]:
        """What the caller of the module gives for a variable."""
        steps = list(_MODULE.finditer(scope.module))
        if not steps:
            return []
        last = steps[-1]
        parent = scope.module[: last.start()].rstrip(".")
        call = _tree(_tree(_module_at(self._plan, parent).get("module_calls")).get(last[1]))
        variable = re.split(r"[.\[]", reference)[1]
        outer = _Scope(parent, _index(last[2]), _references(call.get("for_each_expression")))
        return [(_references(_tree(call.get("expressions")).get(variable)), outer)]

    def _outputs(
        self, reference: str, references: Sequence[str], scope: _Scope
    ) -> list[tuple[Sequence[str], _Scope]]:
        """What a module's output is made of; all outputs, where the reference doesn't say which."""
        match = _MODULE.match(reference)
        if match is None:
            return []
        called = f"{scope.module}.{match[0]}".lstrip(".")
        if not match[2] and _by_own_index(references, scope):
            called += _written(scope.index)
        output = re.split(r"[.\[]", reference[match.end() :].lstrip("."))[0]
        outputs = _tree(_module_at(self._plan, called).get("outputs"))
        return [
            (_references(_tree(entry).get("expression")), _Scope(called, None))
            for name, entry in outputs.items()
            if output in {"", name}
        ]


def _by_own_index(references: Sequence[str], scope: _Scope) -> bool:
    """Whether nothing but the own key can be the index; each.value could hold another resource's key."""
    if isinstance(scope.index, int):
        return "count.index" in references
    return "each.key" in references and not any(each.startswith("each.value") for each in references)


def _configured(plan: Plan, resource: Resource) -> Tree:
    for entry in _list(_module_at(plan, resource.module).get("resources")):
        found = _tree(entry)
        same = (found.get("type"), found.get("name")) == (resource.type, resource.name)
        if same and found.get("mode", "managed") == "managed":
            return found
    return {}


def _module_at(plan: Plan, address: str) -> Tree:
    module = plan.configuration
    for step in _MODULE.finditer(address):
        module = _tree(_tree(_tree(module.get("module_calls")).get(step[1])).get("module"))
    return module


def _references(expression: Any) -> list[str]:
    """All references in an expression, or in the blocks of one."""
    found: list[str] = []
    waiting = [expression]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found.extend(text for text in _list(each.get("references")) if isinstance(text, str))
            waiting.extend(
                value for key, value in each.items() if key not in {"references", "constant_value"}
            )
        elif isinstance(each, list):
            waiting.extend(each)
    return found


def _most_exact(references: Sequence[str]) -> list[str]:
    """The references without those that only repeat the beginning of another."""
    return [
        each
        for each in dict.fromkeys(references)
        if not any(other.startswith((f"{each}.", f"{each}[")) for other in references)
    ]


def _written(index: Index) -> str:
    """How an address writes an index."""
    if index is None:
        return ""
    if isinstance(index, int):
        return f"[{index}]"
    escaped = index.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'


def _index(written: str | None) -> Index:
    if not written:
        return None
    inner = written[1:-1]
    return re.sub(r"\\(.)", r"\1", inner[1:-1]) if inner.startswith('"') else int(inner)


def _tree(value: Any) -> Tree:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
