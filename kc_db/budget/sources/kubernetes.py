"""Kubernetes manifests, as `helm template` or `kubectl kustomize` prints them: a file, or a folder of *.yaml.

Where an autoscaler and its target contradict each other, the larger number counts. Kinds, fields and defaults
are those of these references:

- https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/
- https://keda.sh/docs/latest/reference/scaledobject-spec/ and https://keda.sh/docs/latest/reference/scaledjob-spec/
- https://argoproj.github.io/argo-rollouts/features/specification/
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._containers import pool_readings
from kc_db.budget.sources._kubernetes.objects import (
    RENDER,
    TEMPLATES,
    Manifest,
    files,
    objects,
    workloads,
)
from kc_db.budget.sources._kubernetes.pods import containers
from kc_db.budget.sources._yaml import Field, shown
from kc_db.errors import InputError

_SURGES = re.compile(r"[0-9]{1,6}%")
# Kinds with replicas, which an autoscaler can change.
_SCALABLE = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"})
_KEDA_MAXIMUM = 100


@dataclass(frozen=True, slots=True)
class _Bound:
    """A field of an autoscaler, and what counts where it isn't stated."""

    field: str
    default: int | None


_SCALERS = {
    "HorizontalPodAutoscaler": (_Bound("minReplicas", 1), _Bound("maxReplicas", None)),
    "ScaledObject": (_Bound("minReplicaCount", 0), _Bound("maxReplicaCount", _KEDA_MAXIMUM)),
}


@dataclass(frozen=True, slots=True)
class _Count:
    """A number of pods, and where it was read."""

    value: int | Unknown
    origin: str
    is_stated: bool = True


def read(source: SourceTable) -> Iterator[Reading]:
    """Services from Deployments, StatefulSets and every other kind that runs pods.

    Raises:
        InputError: no such file, no YAML, nothing that runs pods, or a field that Kubernetes would refuse.
    """
    manifests = [manifest for file in files(source) for manifest in objects(file)]
    found = list(workloads(manifests))
    if not found:
        kinds = ", ".join(TEMPLATES)
        raise InputError(f"nothing in it runs pods (looked for {kinds}){RENDER}", file=source.file)
    for workload in found:
        for key, count in _instances(workload, manifests).items():
            yield Reading(("services", workload.service, "instances", key), count.value, count.origin)
        for key, value, origin in _deploy(workload):
            yield Reading(("services", workload.service, key), value, origin)
        yield from _pools(workload, manifests, source)


def _instances(workload: Manifest, manifests: Sequence[Manifest]) -> dict[str, _Count]:
    """Pods of a workload: `min` where something scales it, `desired` where that is known, and `max`."""
    if why := _uncountable(workload):
        return {"max": _Count(Unknown(why), workload.place)}
    match workload.kind:
        case "Pod":
            return _steady(_Count(1, workload.place))
        case "Job":
            return _steady(_job(workload, "spec"))
        case "CronJob":
            return _cron_job(workload)
        case "ScaledJob":
            return _scaled_job(workload)
    replicas = _stated(workload, _Bound("replicas", 1))
    scalers = [known for known in manifests if _scales(known, workload)]
    return _scaled(replicas, scalers) if scalers else _steady(replicas)


def _uncountable(workload: Manifest) -> str:
    """Why nobody can tell how many pods it runs; empty if they can be counted."""
    if workload.kind == "DaemonSet":
        return f"{workload.title} runs a pod on each node, and manifests don't say how many nodes there are"
    return "" if workload.kind in TEMPLATES else f"kc-db doesn't know how many pods a {workload.kind} runs"


def _steady(count: _Count) -> dict[str, _Count]:
    return {"desired": count, "max": count}


def _stated(known: Manifest, bound: _Bound, *spec: str) -> _Count:
    steps = (*(spec or ("spec",)), bound.field)
    value = known.field.at(*steps).count()
    if value is not None:
        return _Count(value, known.origin(*steps))
    if bound.default is None:
        return _Count(Unknown(f"{known.title} has no {bound.field}"), known.origin(*steps), is_stated=False)
    return _Count(bound.default, known.origin(*steps, default=True), is_stated=False)


def _job(known: Manifest, *spec: str) -> _Count:
    """Pods of one run; of a fixed number of completions, no more than are still to be completed run."""
    if known.field.at(*spec, "suspend").text() == "true":
        return _Count(0, known.origin(*spec, "suspend"))
    parallelism = _stated(known, _Bound("parallelism", 1), *spec)
    completions = known.field.at(*spec, "completions").count()
    if completions is not None and isinstance(parallelism.value, int) and completions < parallelism.value:
        return _Count(completions, known.origin(*spec, "completions"))
    return parallelism


def _cron_job(known: Manifest) -> dict[str, _Count]:
    """Pods of its runs.

    Replace deletes the old run in the background and starts the new one at once (syncCronJob in Kubernetes'
    pkg/controller/cronjob/cronjob_controllerv2.go), so that both have pods until the old ones have ended.
    """
    if known.field.at("spec", "suspend").text() == "true":
        return _steady(_Count(0, known.origin("spec", "suspend")))
    run = _job(known, "spec", "jobTemplate", "spec")
    policy = known.field.at("spec", "concurrencyPolicy")
    origin = known.origin("spec", "concurrencyPolicy", default=policy.value is None)
    match policy.text() or "Allow":
        case "Forbid":
            return _steady(run)
        case "Replace":
            return {
                "desired": run,
                "max": _times(run, _Count(2, f"{origin} (2 runs, while the old one's pods end)")),
            }
        case "Allow":
            why = f"runs of {known.title} can pile up, as its concurrencyPolicy is Allow; make it Forbid"
            return {"desired": run, "max": _Count(Unknown(why), origin)}
    raise policy.error(f"must be Allow, Forbid or Replace, not {shown(policy.value)}")


def _scaled_job(known: Manifest) -> dict[str, _Count]:
    """Pods of the jobs that run at the same time.

    KEDA takes the running jobs off maxReplicaCount, but not with the strategy "custom" (its
    pkg/scaling/executor/scale_jobs.go, GetEffectiveMaxScale).
    """
    job = _job(known, "spec", "jobTargetRef")
    least = _times(job, _stated(known, _Bound("minReplicaCount", 0)))
    most = _times(job, _stated(known, _Bound("maxReplicaCount", _KEDA_MAXIMUM)))
    strategy = ("spec", "scalingStrategy", "strategy")
    if known.field.at(*strategy).text() == "custom":
        why = f"the scaling strategy of {known.title} is custom, which doesn't bound the running jobs"
        most = _Count(Unknown(why), known.origin(*strategy))
    elif isinstance(least.value, int) and isinstance(most.value, int) and least.value > most.value:
        most = least
    return {"min": least, "max": most}


def _times(count: _Count, factor: _Count) -> _Count:
    """The product; no more than PostgreSQL could ever serve, which is too much in any case."""
    if not isinstance(count.value, int) or not isinstance(factor.value, int):
        return factor if isinstance(count.value, int) else count
    product = min(count.value * factor.value, MAXIMUM_MAX_CONNECTIONS)
    field = count.origin.rpartition(", ")[2]  # both are of one object
    return _Count(product, factor.origin if count.value == 1 else f"{factor.origin} x {field}")


def _scales(scaler: Manifest, workload: Manifest) -> bool:
    if scaler.kind not in _SCALERS or workload.kind not in _SCALABLE or not scaler.sees(workload):
        return False
    target = scaler.field.at("spec", "scaleTargetRef")
    kind = target.at("kind").text() or "Deployment"  # KEDA's default; an HPA has to say it
    name = workload.field.at("metadata", "name").text()
    return kind.lower() == workload.kind.lower() and target.at("name").text() == name


def _scaled(replicas: _Count, scalers: Sequence[Manifest]) -> dict[str, _Count]:
    """What autoscalers make of a workload.

    Its own replicas are what it is deployed with, if it states them; an autoscaler mends what is below its
    minimum at once.
    """
    least = min((_stated(known, _SCALERS[known.kind][0]) for known in scalers), key=_size)
    most = [_stated(known, _SCALERS[known.kind][1]) for known in scalers]
    counts = {"min": least}
    if replicas.is_stated:
        counts["desired"] = max(least, replicas, key=_size)
        most.append(replicas)
    unknown = [count for count in most if isinstance(count.value, Unknown)]
    return {**counts, "max": unknown[0] if unknown else max(*most, least, key=_size)}


def _size(count: _Count) -> int:
    return count.value if isinstance(count.value, int) else MAXIMUM_MAX_CONNECTIONS


def _deploy(workload: Manifest) -> Iterator[tuple[str, object, str]]:
    """How new pods take the place of old ones: keys of a service, with values and origins."""
    match workload.kind:
        case "Deployment":
            strategy = workload.field.at("spec", "strategy", "type")
            if strategy.text() not in {None, "RollingUpdate", "Recreate"}:
                raise strategy.error(f"must be RollingUpdate or Recreate, not {shown(strategy.value)}")
            if strategy.text() != "Recreate":
                yield from _surge(workload, "25%", "spec", "strategy", "rollingUpdate", "maxSurge")
                return
            yield "deploy", "recreate", workload.origin("spec", "strategy", "type")
        case "DaemonSet":
            steps = ("spec", "updateStrategy", "rollingUpdate", "maxSurge")
            if workload.field.at(*steps).value not in (None, 0):
                yield from _surge(workload, 0, *steps)
                return
            yield "deploy", "recreate", workload.origin(*steps, default=True)
        case "Rollout":
            yield from _rollout(workload)
        case kind:
            yield "deploy", "recreate", f"{workload.place} (a deploy of a {kind} adds no pods)"


def _rollout(workload: Manifest) -> Iterator[tuple[str, object, str]]:
    """Argo Rollouts: with traffic routing the stable pods stay while the canary grows to its full size."""
    strategy = workload.field.at("spec", "strategy")
    if "blueGreen" in strategy.mapping():
        yield "deploy", "blue-green", workload.origin("spec", "strategy", "blueGreen")
    elif strategy.at("canary", "trafficRouting").value is not None:
        yield "deploy", "canary", workload.origin("spec", "strategy", "canary", "trafficRouting")
    else:
        yield from _surge(workload, "25%", "spec", "strategy", "canary", "maxSurge")


def _surge(workload: Manifest, default: int | str, *steps: str) -> Iterator[tuple[str, object, str]]:
    field = workload.field.at(*steps)
    value: object = field.value
    if value is None:
        value = default
    elif not (isinstance(value, str) and _SURGES.fullmatch(value)):
        value = _whole(field)
    origin = workload.origin(*steps, default=field.value is None)
    yield "deploy", "surge", origin
    yield "max_surge", value, origin


def _whole(field: Field) -> int:
    try:
        return field.count() or 0
    except InputError:
        message = f'must be a whole number or a percentage like "25%", not {shown(field.value)}'
        raise field.error(message) from None


def _pools(workload: Manifest, manifests: Sequence[Manifest], source: SourceTable) -> Iterator[Reading]:
    template = workload.field.at(*TEMPLATES.get(workload.kind, ("spec", "template")))
    reference = workload.field.at("spec", "workloadRef")
    if workload.kind == "Rollout" and reference.value is not None:
        borrowed = [known for known in manifests if _is_meant(reference, known) and known.sees(workload)]
        if not borrowed:
            why = f"{workload.title} takes its pods from another object, which isn't among the manifests"
            path = ("services", workload.service, "pool_size")
            yield Reading(path, Unknown(why), workload.origin("spec", "workloadRef"))
            return
        template = borrowed[0].field.at(*TEMPLATES[borrowed[0].kind])

    def config_map(name: str) -> Mapping[str, Field] | None:
        for known in manifests:
            if known.kind == "ConfigMap" and known.name == name and known.sees(workload):
                return known.field.at("data").mapping()
        return None

    found = containers(template, workload.place, config_map)
    if not found:
        raise template.error("has no containers")
    yield from pool_readings(workload.service, found, source)


def _is_meant(reference: Field, known: Manifest) -> bool:
    kind, name = reference.at("kind").text(), reference.at("name").text()
    return known.kind in _SCALABLE and (known.kind, known.name) == (kind, name)
