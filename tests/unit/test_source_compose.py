"""A compose file as a source of a budget: services, databases, poolers, and what can't be told."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Unknown
from kc_db.budget.sources._compose.images import role
from kc_db.budget.sources._compose.values import interpolated
from kc_db.budget.sources.compose import read
from kc_db.errors import InputError
from tests.yaml_mutations import assert_valid, documents, dump, mutated, outcome

DATA = Path(__file__).parent.parent / "data/sources/compose"


def readings(file: Path | str) -> list[tuple[str, object, str]]:
    source = SourceTable(kind="compose", file=str(file))
    return [(".".join(each.path), each.value, each.origin) for each in read(source)]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("c.yaml")


def values(file: Path, text: str) -> dict[str, object]:
    file.write_text(text)
    return {path: value for path, value, _ in readings(file)}


def why(value: object) -> str:
    assert isinstance(value, Unknown)
    return value.why


def mistake(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        readings(file)
    return str(caught.value)


def test_a_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    monkeypatch.setenv("POOL", "99")  # what runs the test is nothing to a budget
    expected = [line.split(" | ") for line in (DATA / "compose.txt").read_text().splitlines()]
    found = readings("compose.yaml")
    assert [[path, str(value), origin] for path, value, origin in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$$X and $1 and ${1}", "$X and $1 and ${1}"),
        ("a${X:-5}b", "a5b"),
        ("${X-5}", "5"),
        ("${X:-}", ""),
        ("${X:-${Y:-${Z-7}}}", "7"),
        ("${X:-${Y:-1}${Z:-2}}0", "120"),
        ("${X:-5", "5"),
        ("${X}", None),
        ("$X", None),
        ("${X:?must be set}", None),
        ("${X:+5}", None),
        ("${X:-${Y}}", None),
        ("${X/a/b}", None),
        ("${X:-" * 60 + "}" * 60, None),
    ],
)
def test_interpolation(text: str, expected: str | None) -> None:
    found = interpolated(text)
    assert (None if isinstance(found, Unknown) else found) == expected


@given(st.text(alphabet="${}:-?+XY5"))
def test_interpolation_ends(text: str) -> None:
    found = interpolated(text)
    assert isinstance(found, Unknown) or len(found) <= len(text)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("postgres", "database"),
        ("postgres:16-alpine", "database"),
        ("registry.internal:5000/mirror/postgres:16@sha256:aa", "database"),
        ("public.ecr.aws/docker/library/postgres:${TAG}", "database"),
        ("postgis/postgis:16-3.4", "database"),
        ("bitnami/postgresql", "database"),
        ("quay.io/sclorg/postgresql-15-c9s", "service"),
        ("registry.redhat.io/rhel9/postgresql-15", "database"),
        ("prometheuscommunity/postgres-exporter", "service"),
        ("edoburu/pgbouncer:1.24", "pooler"),
        ("docker.io/bitnami/pgbouncer", "pooler"),
        ("redis:7", "no pool"),
        ("docker.io/library/redis", "no pool"),
        ("acme/redis", "service"),
        ("localhost:5000/redis", "service"),
        ("", "service"),
        (":", "service"),
    ],
)
def test_images(image: str, expected: str) -> None:
    assert role(image, is_built=False) == expected


def test_an_image_that_is_built_here_may_hold_anything() -> None:
    assert role("redis", is_built=True) == "service"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("", 100),
        ("command: postgres -c max_connections=300", 300),
        ("command: -c 'max_connections=300'", 300),
        ("command: [postgres, -c, max_connections=300, -cmax_connections=310]", 310),
        ("command: [postgres, --max-connections=300]", 300),
        ("command: [postgres, -N, '300']", 300),
        ("command: [postgres, -N300]", 300),
        ("command: [sh, -c, 'exec postgres -c max_connections=300']", 300),
        ("command: postgres -c max_connections=${X:-300} -c a='", 300),
        ("environment: {POSTGRES_INITDB_ARGS: '-c max_connections=300'}", 300),
        ("environment: {POSTGRESQL_MAX_CONNECTIONS: 300}", 300),
        (
            "command: postgres -c max_connections=$X",
            "max_connections of db comes from ${X}, which has no default",
        ),
        (
            "command: postgres -c max_connections=0",
            "max_connections of db isn't a whole number from 1 to 262143",
        ),
        (
            "command: postgres -c config_file=/a.conf",
            "db has a postgresql.conf of its own, which isn't read here",
        ),
        (
            "volumes: [{type: bind, source: ./a, target: /etc/postgresql/postgresql.conf}]",
            "db has a postgresql.conf of its own, which isn't read here",
        ),
        ("env_file: gone.env", "the env_file gone.env of services.db isn't there"),
    ],
)
def test_max_connections(file: Path, service: str, expected: object) -> None:
    found = values(file, f"services:\n  db:\n    image: postgres:16\n    {service}\n")
    value = found.pop("databases.db.max_connections")
    assert (value.why if isinstance(value, Unknown) else value) == expected
    assert not found


def test_timescale_tunes_itself(file: Path) -> None:
    text = "services: {db: {image: timescale/timescaledb, environment: {%s}}}"
    assert "by the memory" in why(values(file, text % "")["databases.db.max_connections"])
    assert values(file, text % "TS_TUNE_MAX_CONNS: 60")["databases.db.max_connections"] == 60
    assert values(file, text % "NO_TS_TUNE: 1")["databases.db.max_connections"] == 100


def test_bitnami_takes_prefixed_settings_only(file: Path) -> None:
    text = "services: {p: {image: %s, environment: {PGBOUNCER_MAX_CLIENT_CONN: 7, DEFAULT_POOL_SIZE: 8, %s}}}"
    more = "PGBOUNCER_MAX_USER_CONNECTIONS: 9, POOL_MODE: fast"
    bitnami = values(file, text % ("bitnami/pgbouncer", more))
    other = values(file, text % ("edoburu/pgbouncer", more))
    rollout = {"instances.desired": 1, "instances.max": 1, "deploy": "stop-first", "max_client_conn": 7}
    assert {key.removeprefix("poolers.p."): value for key, value in bitnami.items()} == rollout
    assert {key.removeprefix("poolers.p."): value for key, value in other.items()} == {
        **rollout,
        "default_pool_size": 8,
        "max_user_connections": 9,
        "pool_mode": Unknown("POOL_MODE of p is none of session, statement, transaction"),
    }


@pytest.mark.parametrize("mounted", ["./a.ini:/etc/pgbouncer/pgbouncer.ini:ro", "./conf:/etc/pgbouncer"])
def test_a_mounted_pgbouncer_ini_counts_instead(file: Path, mounted: str) -> None:
    service = f"image: edoburu/pgbouncer, volumes: ['{mounted}'], environment: [POOL_MODE=session]"
    found = values(file, f"services: {{p: {{{service}}}}}")
    assert "pgbouncer.ini of its own" in why(found["poolers.p.default_pool_size"])
    assert "pgbouncer.ini of its own" in why(found["poolers.p.max_client_conn"])
    assert "poolers.p.pool_mode" not in found


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("scale: 2, deploy: {replicas: 3}", 3),
        ("scale: '${N:-4}'", 4),
        ("deploy: {replicas: '${N:-}'}", 1),
        ("deploy: {replicas: 0}", 0),
        ("extends: gone", "what services.a extends isn't there"),
        ("extends: a", "services.a extends itself"),
        ("extends: {file: gone.yaml, service: a}", "what services.a extends isn't there"),
        ("extends: {file: '${F}', service: a}", "what services.a extends isn't there"),
        ("extends: gone, scale: 5", 5),
    ],
)
def test_instances(file: Path, service: str, expected: object) -> None:
    value = values(file, f"services: {{a: {{{service}}}}}")["services.a.instances.max"]
    assert (value.why if isinstance(value, Unknown) else value) == expected


def test_a_service_takes_over_what_it_extends(file: Path) -> None:
    found = values(
        file,
        """\
services:
  base: {env_file: base.env, environment: {DB_POOL_MAX: 5, WEB_CONCURRENCY: 3}, scale: 2}
  middle: {extends: {service: base}, deploy: {update_config: {order: start-first}}}
  top: {extends: middle, environment: [WEB_CONCURRENCY=4], deploy: {update_config: {parallelism: 0}}}
""",
    )
    assert {key.removeprefix("services.top."): value for key, value in found.items() if ".top." in key} == {
        "instances.desired": 2,
        "instances.max": 2,
        "deploy": "start-first",
        "parallelism": 0,
        "pool_size": 5,
        "processes": 4,
    }


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("env_file: a.env", 6),
        ("env_file: [a.env, b.env]", 7),
        ("env_file: a.env, environment: {DB_POOL_MAX: 8}", 8),
        ("env_file: [a.env, {path: gone.env, required: false}]", 6),
        (
            "env_file: [a.env, gone.env]",
            "DB_POOL_MAX of container a may be overridden by the env_file gone.env, which isn't there",
        ),
        ("env_file: [gone.env, a.env]", 6),
        ("env_file: gone.env", "the env_file gone.env of services.a isn't there"),
        ("env_file: 'a\\0b'", "the env_file a\0b of services.a isn't there"),
        ("env_file: c.env", "DB_POOL_MAX of container a comes from the shell that starts compose"),
    ],
)
def test_env_files(file: Path, environment: str, expected: object) -> None:
    Path("a.env").write_text("# A\n\nexport DB_POOL_MAX = '6' # six\nWEIRD LINE\n")
    Path("b.env").write_text("DB_POOL_MAX=${X:-7} # seven\n")
    Path("c.env").write_text("DB_POOL_MAX\n")
    environment = environment.replace("'a\\0b'", '"a\\0b"')
    value = values(file, f"services: {{a: {{{environment}}}}}")["services.a.pool_size"]
    assert (value.why if isinstance(value, Unknown) else value) == expected


def test_included_files_count_once(file: Path) -> None:
    Path("more").mkdir()
    Path("more/m.yaml").write_text("include: [../c.yaml]\nservices: {b: {scale: 3}, a: {scale: 9}}\n")
    found = values(file, "include: [{path: [more/m.yaml]}]\nservices: {a: {scale: 2}}\n")
    assert (found["services.a.instances.max"], found["services.b.instances.max"]) == (2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yaml: holds 0 documents, and a compose file is one"),
        ("a: 1\n---\nb: 1\n", "c.yaml: holds 2 documents"),
        ("- a\n", "c.yaml:1:1: must be a mapping, not a list"),
        ("web: {image: a}\n", "c.yaml: no services in it; name a compose file"),
        ("services: {a: b}\n", "c.yaml:1:15: services.a must be a mapping, not 'b'"),
        (
            "services:\n  a:\n    deploy:\n      replicas: -1\n",
            "c.yaml:4:17: services.a.deploy.replicas must be a whole number from 0 to 262143, not -1",
        ),
        ("services: {a: {scale: many}}", "c.yaml:1:23: services.a.scale must be a whole number"),
        (
            "services: {a: {deploy: {update_config: {order: both}}}}",
            "c.yaml:1:48: services.a.deploy.update_config.order must be start-first or stop-first",
        ),
        (
            "include: [gone.yaml]\nservices: {a: {}}",
            "c.yaml:1:11: include[0] includes a file that isn't there",
        ),
        ("a: [", "c.yaml:2:1: not YAML: "),
    ],
)
def test_mistakes(file: Path, text: str, expected: str) -> None:
    assert mistake(file, text).startswith(expected)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read: No such file"):
        readings(tmp_path / "no.yaml")
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        readings(tmp_path)
    with pytest.raises(InputError, match="needs file"):
        list(read(SourceTable(kind="compose")))


def test_tags_of_compose(file: Path) -> None:
    found = values(file, "services: {a: {scale: !reset 3, environment: !override {DB_POOL_MAX: 4}}}")
    assert (found["services.a.instances.max"], found["services.a.pool_size"]) == (1, 4)


COMPOSE = documents(DATA / "compose.yaml")


@settings(max_examples=100, deadline=None)
@given(mutated(COMPOSE))
def test_whatever_a_file_holds_there_are_readings_or_one_error(changed: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.yaml"
        dump(file, changed)
        (Path(folder) / "base.yaml").write_text((DATA / "base.yaml").read_text())
        found = outcome(read, SourceTable(kind="compose", file=str(file)))
        if isinstance(found, InputError):
            assert str(found).startswith(folder)
        else:
            assert_valid(found)
