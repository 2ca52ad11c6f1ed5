"""Kubernetes manifests as a source of a budget: what each kind gives, and what can't be told."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Unknown
from kc_db.budget.sources.kubernetes import read
from kc_db.errors import InputError
from tests.yaml_mutations import assert_valid, documents, dump, mutated, outcome

DATA = Path(__file__).parent.parent / "data/sources/kubernetes"
POD = "{spec: {containers: [{name: app, env: [{name: DB_POOL_MAX, value: '10'}]}]}}"


def readings(file: Path | str, **options: Any) -> list[tuple[str, object, str]]:
    source = SourceTable(kind="kubernetes", file=str(file), **options)
    return [(".".join(each.path), each.value, each.origin) for each in read(source)]


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("k.yaml")


def values(manifests: Path, text: str) -> dict[str, object]:
    manifests.write_text(text)
    return {path: value for path, value, _ in readings(manifests)}


def mistake(manifests: Path, text: str | bytes) -> str:
    manifests.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        readings(manifests)
    return str(caught.value)


def workload(kind: str, spec: str, name: str = "app", metadata: str = "") -> str:
    return f"---\nkind: {kind}\nmetadata: {{name: {name}{metadata}}}\nspec: {spec}\n"


def test_a_rendered_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    expected = [line.split(" | ") for line in (DATA / "rendered.txt").read_text().splitlines()]
    found = readings("rendered.yaml")
    assert [[path, str(value), origin] for path, value, origin in found] == expected


def test_a_folder_is_every_yaml_below_it(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "templates"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text(workload("Deployment", f"{{template: {POD}}}"))
    (folder / "b.yml").write_text(workload("Deployment", f"{{replicas: 2, template: {POD}}}", "other"))
    (folder / "values.yaml").write_text("replicas: 7\n")
    (folder / "notes.txt").write_text("kind: [")
    found = {path: (value, origin) for path, value, origin in readings(tmp_path)}
    assert found["services.app.instances.max"][0] == 1
    assert found["services.other.instances.max"] == (
        2,
        f"{folder / 'b.yml'}: Deployment other, spec.replicas",
    )


HPA = "{{scaleTargetRef: {{kind: Deployment, name: app}}, {}}}"


@pytest.mark.parametrize(
    ("replicas", "bounds", "expected"),
    [
        ("", "maxReplicas: 5", {"min": 1, "max": 5}),
        ("replicas: 4,", "minReplicas: 2, maxReplicas: 5", {"min": 2, "desired": 4, "max": 5}),
        ("replicas: 1,", "minReplicas: 2, maxReplicas: 5", {"min": 2, "desired": 2, "max": 5}),
        ("replicas: 9,", "minReplicas: 2, maxReplicas: 5", {"min": 2, "desired": 9, "max": 9}),
        ("", "minReplicas: 7, maxReplicas: 5", {"min": 7, "max": 7}),
        ("", "minReplicas: 2", {"min": 2, "max": Unknown("HorizontalPodAutoscaler any has no maxReplicas")}),
    ],
)
def test_the_largest_of_what_an_autoscaler_and_its_target_say(
    manifests: Path, replicas: str, bounds: str, expected: dict[str, object]
) -> None:
    text = workload("Deployment", f"{{{replicas} template: {POD}}}")
    found = values(manifests, text + workload("HorizontalPodAutoscaler", HPA.format(bounds), "any"))
    start = "services.app.instances."
    assert {k.removeprefix(start): v for k, v in found.items() if k.startswith(start)} == expected


def test_an_autoscaler_of_something_else_changes_nothing(manifests: Path) -> None:
    text = workload("StatefulSet", f"{{replicas: 2, template: {POD}}}")
    other = workload("HorizontalPodAutoscaler", HPA.format("maxReplicas: 5"), "any")
    assert values(manifests, text + other)["services.app.instances.max"] == 2


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("DaemonSet", "", {"deploy": "recreate"}),
        ("ReplicaSet", "replicas: 3,", {"instances.max": 3, "deploy": "recreate"}),
        ("Deployment", "strategy: {rollingUpdate: {maxSurge: 0}},", {"deploy": "surge", "max_surge": 0}),
        ("Deployment", "strategy: {rollingUpdate: {maxSurge: 50%}},", {"max_surge": "50%"}),
        ("Rollout", "strategy: {canary: {}},", {"deploy": "surge", "max_surge": "25%"}),
        ("Rollout", "strategy: {canary: {maxSurge: 2}},", {"deploy": "surge", "max_surge": 2}),
        ("Rollout", "strategy: {canary: {trafficRouting: {nginx: {}}}},", {"deploy": "canary"}),
        ("Job", "parallelism: 4, completions: 2,", {"instances.max": 2}),
        ("Job", "parallelism: 4, suspend: true,", {"instances.max": 0}),
    ],
)
def test_kinds(manifests: Path, kind: str, spec: str, expected: dict[str, object]) -> None:
    found = values(manifests, workload(kind, f"{{{spec} template: {POD}}}"))
    assert {key: found[f"services.app.{key}"] for key in expected} == expected


@pytest.mark.parametrize(
    ("policy", "desired", "most"),
    [
        ("concurrencyPolicy: Forbid,", 3, 3),
        ("concurrencyPolicy: Replace,", 3, 6),
        ("concurrencyPolicy: Replace, suspend: true,", 0, 0),
        ("suspend: true,", 0, 0),
    ],
)
def test_cron_jobs(manifests: Path, policy: str, desired: int, most: int) -> None:
    spec = f"{{{policy} jobTemplate: {{spec: {{parallelism: 3, template: {POD}}}}}}}"
    found = values(manifests, workload("CronJob", spec))
    assert (found["services.app.instances.desired"], found["services.app.instances.max"]) == (desired, most)


def test_a_scaled_job_without_bound(manifests: Path) -> None:
    spec = f"{{scalingStrategy: {{strategy: custom}}, jobTargetRef: {{template: {POD}}}}}"
    found = values(manifests, workload("ScaledJob", spec))
    assert isinstance(found["services.app.instances.max"], Unknown)


def test_names_in_several_namespaces_and_kinds(manifests: Path) -> None:
    deployment = f"{{template: {POD}}}"
    cron = f"{{concurrencyPolicy: Forbid, jobTemplate: {{spec: {{template: {POD}}}}}}}"
    text = "".join(
        [
            workload("Deployment", deployment, "api", ", namespace: blue"),
            workload("Deployment", deployment, "api", ", namespace: green"),
            workload("Deployment", deployment, "my.shop"),
            workload("CronJob", cron, "my.shop"),
        ]
    )
    services = dict.fromkeys(
        path.split(".instances")[0] for path in values(manifests, text) if "inst" in path
    )
    assert list(services) == [
        "services.blue-api",
        "services.green-api",
        "services.my.shop",
        "services.my.shop-cronjob",
    ]
    assert readings(manifests)[0][2].startswith("k.yaml: Deployment blue/api, ")


def test_what_others_own_or_only_tests_run_is_not_counted(manifests: Path) -> None:
    pod = POD.removeprefix("{spec: ").removesuffix("}")
    text = "".join(
        [
            workload("ReplicaSet", f"{{template: {POD}}}", "owned", ", ownerReferences: [{name: app}]"),
            workload("Pod", pod, "test", ", annotations: {helm.sh/hook: test-success}"),
            workload("Pod", pod, "real"),
        ]
    )
    assert {path.split(".")[1] for path in values(manifests, text)} == {"real"}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("env: [{name: A, value: '5'}, {name: DB_POOL_MAX, value: $(A)}]", 5),
        ("env: [{name: DB_POOL_MAX, value: '5'}, {name: DB_POOL_MAX, value: '6'}]", 6),
        ("envFrom: [{configMapRef: {name: settings}}]", 7),
        ("envFrom: [{configMapRef: {name: bare}, prefix: DB_}]", 8),
        (
            "env: [{name: DB_POOL_MAX, valueFrom: {configMapKeyRef: {name: other, key: a}}}]",
            "DB_POOL_MAX of container app comes from the ConfigMap other, which isn't among the manifests",
        ),
        (
            "env: [{name: DB_POOL_MAX, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]",
            "DB_POOL_MAX of container app comes from the key a, which the ConfigMap settings doesn't have",
        ),
        (
            "env: [{name: DB_POOL_MAX, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]",
            "DB_POOL_MAX of container app comes from the container's resources",
        ),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {}}}, {name: DB_POOL_MAX, value: $(A)}]",
            "DB_POOL_MAX of container app holds $(A), which comes from a secret",
        ),
        (
            "envFrom: [{secretRef: {name: all}}, {configMapRef: {name: gone}}]",
            "envFrom of container app takes the secret all and the ConfigMap gone (not among the manifests)",
        ),
    ],
)
def test_environments(manifests: Path, container: str, expected: object) -> None:
    maps = "".join(
        f"---\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{{data}}}\n"
        for name, data in (("settings", "DB_POOL_MAX: '7'"), ("bare", "POOL_MAX: '8'"))
    )
    pod = f"{{spec: {{containers: [{{name: app, {container}}}]}}}}"
    text = maps + workload("Deployment", f"{{template: {pod}}}")
    found = values(manifests, text)["services.app.pool_size"]
    assert (found.why if isinstance(found, Unknown) else found) == expected


def test_a_rollout_of_another_workload_takes_its_pods(manifests: Path) -> None:
    rollout = workload("Rollout", "{workloadRef: {kind: Deployment, name: app}}", "shop")
    assert isinstance(values(manifests, rollout)["services.shop.pool_size"], Unknown)
    both = rollout + workload("Deployment", f"{{replicas: 0, template: {POD}}}")
    assert values(manifests, both)["services.shop.pool_size"] == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "k.yaml: nothing in it runs pods (looked for Deployment, StatefulSet, "),
        ("replicas: {{ .Values.replicas }}\n", "k.yaml:1:12: not YAML: "),
        ("kind: Deployment\nmetadata: {}\n", "k.yaml:1:1: a Deployment needs metadata.name"),
        (
            workload("Deployment", "\n  replicas: three"),
            "k.yaml:5:13: spec.replicas must be a whole number from 0 to 262143, not 'three'",
        ),
        (workload("Deployment", "[]"), "k.yaml:4:7: spec must be a mapping, not a list"),
        (workload("Deployment", "{}"), "k.yaml:4:7: spec.template has no containers"),
        (
            workload("Deployment", "{strategy: {rollingUpdate: {maxSurge: 25 %}}}"),
            "k.yaml:4:45: spec.strategy.rollingUpdate.maxSurge must be a whole number or a percentage like",
        ),
        (
            workload("Deployment", "{strategy: {type: Slow}}"),
            "k.yaml:4:25: spec.strategy.type must be RollingUpdate or Recreate, not 'Slow'",
        ),
        (
            workload("CronJob", "{concurrencyPolicy: Perhaps}"),
            "k.yaml:4:27: spec.concurrencyPolicy must be Allow, Forbid or Replace, not 'Perhaps'",
        ),
        (
            workload("Pod", "{containers: [{}]}") * 2,
            "k.yaml:6:1: Pod app is there twice, first in k.yaml; keep one of them",
        ),
        ("kind: List\nitems: {}\n", "k.yaml:2:8: items must be a list, not a mapping"),
        ("&a\nkind: List\nitems: [*a, *a]\n", "k.yaml: its lists hold too many objects, or each other"),
        ("[" * 5000, "k.yaml:1:1001: not YAML: exceeded maximum nesting depth"),
        (b"a: \xff", "k.yaml: not UTF-8 (at byte 3); save it as UTF-8"),
        ("a: !!timestamp x", "k.yaml: not YAML that can be read: a value isn't what its tag says"),
        ("a: " + "9" * 5000, "k.yaml: not YAML that can be read: a value isn't what its tag says"),
        ("a: !!python/object:os.system x", "k.yaml:1:4: not YAML: could not determine a constructor"),
    ],
)
def test_mistakes(manifests: Path, text: str | bytes, expected: str) -> None:
    assert mistake(manifests, text).startswith(expected)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for file, expected in ((tmp_path / "no.yaml", "can't be read: No such file"), (tmp_path, "no *.yaml in")):
        with pytest.raises(InputError, match=expected.replace("*", r"\*")):
            readings(file)
    with pytest.raises(InputError, match="needs file"):
        list(read(SourceTable(kind="kubernetes")))
    with pytest.raises(InputError):
        readings("a\0b")


def test_aliases_that_would_fill_the_memory(manifests: Path) -> None:
    lines = ["a: &a {replicas: 3, template: " + POD + "}"]
    for name, before in zip("bcdefghijk", "abcdefghij", strict=True):
        lines.append(f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}")
    text = "x-shared:\n  " + "\n  ".join(lines) + "\nkind: Deployment\nmetadata: {name: app}\nspec: *k\n"
    assert values(manifests, text)["services.app.instances.max"] == 3


CHART = documents(DATA / "rendered.yaml")


@settings(max_examples=100, deadline=None)
@given(mutated(CHART))
def test_whatever_manifests_hold_there_are_readings_or_one_error(changed: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "k.yaml"
        dump(file, changed)
        _reads_or_refuses(file)


@settings(max_examples=100, deadline=None)
@given(st.text() | st.text(alphabet="kind:Lst [{}]-&*a<!?|>'\"\n~0%@"))
@example("kind: Deployment\nmetadata: {name: &a [*a]}\n")
@example("? [a]\n: kind")
def test_any_text_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "k.yaml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        _reads_or_refuses(file)


def _reads_or_refuses(file: Path) -> None:
    found = outcome(read, SourceTable(kind="kubernetes", file=str(file)))
    if isinstance(found, InputError):
        assert str(found).startswith(str(file))
    else:
        assert_valid(found)
