"""The containers of a Kubernetes pod template, with their environment as far as the manifests say it.

Source: the API reference of PodSpec and Container, which says in which order `env` and `envFrom` count, how
$(VARIABLE) is read, and that init containers with `restartPolicy: Always` run as long as the pod does
(https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._containers import Container
from kc_db.budget.sources._yaml import Field, dotted

Variables: TypeAlias = dict[str, str | Unknown]
# The data of a ConfigMap by its name, None if it isn't among the documents.
ConfigMaps: TypeAlias = Callable[[str], Mapping[str, Field] | None]

_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
_ELSEWHERE = {
    "secretKeyRef": "comes from a secret",
    "fieldRef": "comes from the pod that runs",
    "resourceFieldRef": "comes from the container's resources",
    "fileKeyRef": "comes from a file",
}


def containers(template: Field, place: str, config_maps: ConfigMaps) -> list[Container]:
    """The containers that run as long as the pod does.

    Args:
        template: what holds the pod's `spec`.
        place: file, kind and name, as origins begin.
        config_maps: finds the ConfigMaps that the pod can see.

    Raises:
        InputError: a part of the template has another shape than Kubernetes gives it.
    """
    found = []
    for field in _long_running(template.at("spec")):
        name = field.at("name").text() or "container"
        variables: Variables = {}
        hidden = [why for why in _from_whole_maps(field, config_maps, variables) if why]
        _from_list(field, config_maps, variables)
        origin = f"{place}, {dotted(_below_metadata(field))}.env"
        why = f"envFrom of container {name} takes {' and '.join(hidden)}" if hidden else ""
        words = (part.text() or "" for key in ("command", "args") for part in field.at(key).sequence())
        found.append(Container(name, variables, origin, hidden=why, command=tuple(words)))
    return found


def _below_metadata(field: Field) -> tuple[str | int, ...]:
    """Its steps from the object on, without those through a List."""
    steps = field.steps
    while steps[:1] == ("items",):
        steps = steps[2:]
    return steps


def _long_running(spec: Field) -> Iterator[Field]:
    yield from spec.at("containers").sequence()
    for container in spec.at("initContainers").sequence():
        if container.at("restartPolicy").text() == "Always":
            yield container


def _from_whole_maps(container: Field, config_maps: ConfigMaps, variables: Variables) -> Iterator[str]:
    """Takes in what `envFrom` brings, later sources over earlier ones; yields what can't be seen of it."""
    for source in container.at("envFrom").sequence():
        prefix = source.at("prefix").text() or ""
        config_map = source.at("configMapRef", "name").text()
        secret = source.at("secretRef", "name").text()
        if secret is not None:
            yield f"the secret {secret}"
        if config_map is None:
            continue
        data = config_maps(config_map)
        if data is None:
            yield f"the ConfigMap {config_map} (not among the manifests)"
            continue
        for key, value in data.items():
            variables[prefix + key] = value.text() or ""


def _from_list(container: Field, config_maps: ConfigMaps, variables: Variables) -> None:
    """Takes in what `env` says; it overrides `envFrom`, and the last of several entries counts."""
    for entry in container.at("env").sequence():
        name = entry.at("name").text()
        if name is not None:
            variables[name] = _value(entry, config_maps, variables)


def _value(entry: Field, config_maps: ConfigMaps, variables: Variables) -> str | Unknown:
    source = entry.at("valueFrom").mapping()
    if not source:
        return _expanded(entry.at("value").text() or "", variables)
    if "configMapKeyRef" in source:
        return _config_map_value(source["configMapKeyRef"], config_maps)
    kind = next(iter(source))
    return Unknown(_ELSEWHERE.get(kind, f"comes from a {kind}"))


def _config_map_value(reference: Field, config_maps: ConfigMaps) -> str | Unknown:
    name, key = reference.at("name").text() or "", reference.at("key").text() or ""
    data = config_maps(name)
    if data is None:
        return Unknown(f"comes from the ConfigMap {name}, which isn't among the manifests")
    if key not in data:
        return Unknown(f"comes from the key {key}, which the ConfigMap {name} doesn't have")
    return data[key].text() or ""


def _expanded(text: str, variables: Variables) -> str | Unknown:
    """The text with each $(VARIABLE) that stands before it; what can't be resolved stays as it is.

    $$ is a single $, so that $$(VARIABLE) isn't resolved.
    """
    parts, end = [], 0
    for match in _REFERENCE.finditer(text):
        value = variables.get(match[1]) if match[1] is not None else "$"
        if isinstance(value, Unknown):
            return Unknown(f"holds $({match[1]}), which {value.why}")
        parts += [text[end : match.start()], match[0] if value is None else value]
        end = match.end()
    return "".join([*parts, text[end:]])
