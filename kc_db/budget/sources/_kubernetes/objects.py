"""The objects of Kubernetes manifests: which of them run pods, and what their services are called."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources._yaml import Field, read_documents
from kc_db.errors import InputError

RENDER = "; if it is a template, render it first: helm template ... > rendered.yaml"
# Where each kind that runs pods has their template.
TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
    "Pod": (),
}

_SUFFIXES = frozenset({".yaml", ".yml"})
# A list can hold aliases of itself. Each level of lists is two steps.
_MOST_OBJECTS, _MOST_STEPS = 100_000, 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object.

    Attributes:
        kind: as Kubernetes calls it.
        name: `metadata.name`; with the namespace before it where the same is in several.
        namespace: empty if the object doesn't say.
        field: the whole object.
        service: what its readings call it.
    """

    kind: str
    name: str
    namespace: str
    field: Field
    service: str = ""

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"

    @property
    def place(self) -> str:
        """File, kind and name, as origins begin."""
        return f"{self.field.file}: {self.title}"

    def origin(self, *steps: str, default: bool = False) -> str:
        """Where one of its fields stands, or would stand."""
        stated = " (not stated: the default)" if default else ""
        return f"{self.place}, {'.'.join(steps)}{stated}"

    def sees(self, other: "Manifest") -> bool:
        """Whether they may be in one namespace; that in which a release is installed often isn't written."""
        return self.namespace == other.namespace or not self.namespace or not other.namespace


def files(source: SourceTable) -> list[str]:
    """The manifests: the file, or every *.yaml and *.yml below the folder.

    Raises:
        InputError: there is none.
    """
    if source.file is None:
        raise InputError('a source of kind "kubernetes" needs file = "<manifests, or their folder>"')
    path = Path(source.file)
    try:
        if not path.is_dir():
            return [source.file]
        found = sorted(str(file) for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}; name the manifests", file=source.file) from None
    if not found:
        raise InputError("no *.yaml in the folder; name the one that holds the manifests", file=source.file)
    return found


def objects(file: str) -> Iterator[Manifest]:
    """The objects of a file, those in lists too. Documents that are none (Helm's values.yaml) are left out.

    Raises:
        InputError: it can't be read, or an object that runs pods has no name.
    """
    waiting = read_documents(file, hint=RENDER)[::-1]
    seen = 0
    while waiting:
        field = waiting.pop()
        seen += 1
        if seen + len(waiting) > _MOST_OBJECTS or len(field.steps) > _MOST_STEPS:
            raise InputError("its lists hold too many objects, or each other; split it up", file=file)
        if not isinstance(field.value, dict) or not isinstance(field.value.get("kind"), str):
            continue
        kind = field.value["kind"]
        if kind.endswith("List") and "items" in field.value:
            waiting += field.at("items").sequence()[::-1]
        else:
            yield _object(kind, field)


def _object(kind: str, field: Field) -> Manifest:
    metadata = field.at("metadata")
    name, namespace = metadata.at("name").text(), metadata.at("namespace").text()
    if kind in TEMPLATES and not name:
        raise field.error(f"a {kind} needs metadata.name")
    return Manifest(kind, name or "", namespace or "", field)


def workloads(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Those that run pods, with the names of their services; no service has a name that another has.

    The namespace is put before a name that is there in several; the kind after one that another kind has too.

    Raises:
        InputError: one is there twice.
    """
    running = [known for known in manifests if _runs(known)]
    alike = Counter((known.kind, known.name) for known in running)
    seen: dict[tuple[str, str, str], Manifest] = {}
    taken: set[str] = set()
    for known in running:
        twin = seen.setdefault((known.kind, known.namespace, known.name), known)
        if twin is not known:
            where = twin.field.file
            raise known.field.error(f"{known.title} is there twice, first in {where}; keep one of them")
        has_twins = alike[known.kind, known.name] > 1 and known.namespace
        service = f"{known.namespace}-{known.name}" if has_twins else known.name
        while service in taken:
            service = f"{service}-{known.kind.lower()}"
        taken.add(service)
        name = f"{known.namespace}/{known.name}" if has_twins else known.name
        yield replace(known, name=name, service=service)


def _has_containers(value: object) -> bool:
    """Whether an object of a kind that kc-db doesn't know makes pods of a template (Knative, OpenShift)."""
    for step in ("spec", "template", "spec", "containers"):
        if not isinstance(value, dict):
            return False
        value = value.get(step)
    return isinstance(value, list) and bool(value)


def _runs(known: Manifest) -> bool:
    """Whether it runs pods that no other object counts, and not only in `helm test`."""
    if known.kind not in TEMPLATES and not _has_containers(known.field.value):
        return False
    metadata = known.field.at("metadata")
    hook = metadata.at("annotations", "helm.sh/hook").text() or ""
    return not metadata.at("ownerReferences").sequence() and not hook.startswith("test")
