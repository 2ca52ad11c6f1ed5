"""Budget files: what they mean, and the one line that each mistake gets."""

from pathlib import Path

import pytest

from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet, Limits
from kc_db.budget.resolve import resolve
from kc_db.errors import InputError

SMALL = """\
[databases.primary]
max_connections = 100
[defaults]
pool_size = 10
instances = 1
[services.payment]
[services.student]
[workers.cache-worker]
[environments.production]
[environments.development.defaults]
pool_size = 20
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("b.toml")


def fleets(file: Path, content: str | bytes, *, live_database: str | None = None) -> tuple[Fleet, ...]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    budget = load_budget(str(file))
    return resolve(budget, budget.environments(), live_database=live_database)


def mistake(file: Path, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        fleets(file, content)
    return str(caught.value)


def test_an_environment_inherits_what_it_does_not_say(file: Path) -> None:
    text = SMALL.replace("[services.payment]", "[services.payment]\npool_size = 0").replace(
        "[services.student]", "[services.student]\nprocesses = 2\nmaximum_percent = 150"
    )
    production, development = fleets(
        file, text + "[environments.development.services.student]\ninstances = 3\n"
    )
    described = [
        [
            (s.name, s.pool_size, s.processes, s.rollout.instances, s.rollout.maximum_percent)
            for s in fleet.services
        ]
        for fleet in (production, development)
    ]
    assert described == [
        [("payment", 0, 1, 1, 200), ("student", 10, 2, 1, 150), ("cache-worker", 10, 1, 1, 200)],
        [("payment", 0, 1, 1, 200), ("student", 20, 2, 3, 150), ("cache-worker", 20, 1, 1, 200)],
    ]


def test_databases_and_policy_are_inherited_key_by_key(file: Path) -> None:
    production, development = fleets(
        file,
        """
[policy]
deploys_at_once = 2
headroom_percent = 10
[databases.primary]
max_connections = 100
reserved_connections = 4
[databases.primary.fixed_sessions]
people = 5
monitoring = 1
[services.a]
pool_size = 1
instances = 1
[environments.production]
[environments.development.policy]
deploys_at_once = "all"
[environments.development.databases.primary]
max_connections = 50
[environments.development.databases.primary.fixed_sessions]
people = 1
""",
    )
    assert (production.deploys_at_once, development.deploys_at_once) == (2, None)
    (primary,), (dev_primary,) = production.servers, development.servers
    assert primary.limits == Limits(100, reserved_connections=4)
    assert dev_primary.limits == Limits(50, reserved_connections=4)
    assert (primary.headroom_percent, dev_primary.headroom_percent) == (10, 10)
    assert dict(dev_primary.fixed_sessions) == {"people": 1, "monitoring": 1}
    assert primary.fixed_connections == 6


def test_without_a_policy_nothing_is_assumed(file: Path) -> None:
    production, _ = fleets(file, SMALL)
    assert production.deploys_at_once is None
    assert production.servers[0].headroom_percent == 0


def test_autoscaling_counts_at_its_maximum(file: Path) -> None:
    text = SMALL.replace(
        "[services.student]", "[services.student]\ninstances = { min = 2, desired = 3, max = 7 }"
    )
    assert [(s.rollout.usual_tasks, s.rollout.instances) for s in fleets(file, text)[0].services] == [
        (1, 1),
        (3, 7),
        (1, 1),
    ]


def test_a_file_without_environments_has_one(file: Path) -> None:
    (fleet,) = fleets(file, SMALL[: SMALL.index("[environments")])
    assert fleet.environment is None
    assert fleet.named(fleet.servers[0]) == "database primary"


def test_byte_order_mark_and_windows_line_ends(file: Path) -> None:
    (plain, _), (windows, _) = (
        fleets(file, SMALL),
        fleets(file, b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()),
    )
    assert plain == windows


def test_findings_point_at_the_environment_first(file: Path) -> None:
    production, development = fleets(file, SMALL)
    assert (
        production.line_of(("defaults", "pool_size")),
        development.line_of(("defaults", "pool_size")),
    ) == (
        4,
        11,
    )
    assert production.line_of(("databases", "primary", "reserved_connections")) == 1
    assert production.line_of(("policy", "deploys_at_once")) is None


STUDENT = "[services.student]\n"
DEPLOYS = '"rolling", "blue-green", "linear", "canary", "surge", "recreate", "start-first" or "stop-first"'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pool_size = 10", "pool_size = -3", "b.toml:4:13: defaults.pool_size: must be 0 or more, not -3"),
        (
            STUDENT,
            STUDENT + "pool_sise = 3\n",
            "b.toml:8:1: services.student.pool_sise: unknown key; did you mean pool_size?",
        ),
        (
            STUDENT,
            STUDENT + 'database = "primry"\n',
            "b.toml:8:12: services.student.database: no database primry; did you mean primary?",
        ),
        (
            STUDENT,
            STUDENT + 'instances = "two"\n',
            'b.toml:8:13: services.student.instances: must be a whole number, not the text "two"',
        ),
        (
            STUDENT,
            STUDENT + 'instances = "2"\n',
            'b.toml:8:13: services.student.instances: must be a whole number, not the text "2"',
        ),
        (
            STUDENT,
            STUDENT + "instances = true\n",
            "b.toml:8:13: services.student.instances: must be a whole number, not true",
        ),
        (
            STUDENT,
            STUDENT + "pool_size = 2.0\n",
            "b.toml:8:13: services.student.pool_size: must be a whole number, not 2.0",
        ),
        (
            STUDENT,
            STUDENT + "processes = 0\n",
            "b.toml:8:13: services.student.processes: must be 1 or more, not 0",
        ),
        (
            STUDENT,
            STUDENT + "pool_size = 9999999\n",
            "b.toml:8:13: services.student.pool_size: must be 262143 or less, not 9999999",
        ),
        (
            STUDENT,
            STUDENT + "maximum_percent = 50\n",
            "b.toml:8:19: services.student.maximum_percent: must be 100 or more, not 50",
        ),
        (
            STUDENT,
            STUDENT + "instances = { min = 4, max = 2 }\n",
            "b.toml:8:13: services.student.instances: min is 4, more than max, 2",
        ),
        (
            STUDENT,
            STUDENT + "instances = { min = 1, desired = 3, max = 2 }\n",
            "b.toml:8:13: services.student.instances: desired is 3, more than max, 2",
        ),
        (
            STUDENT,
            STUDENT + "instances = { min = 4 }\n",
            "b.toml:8:13: services.student.instances.max: is missing",
        ),
        (
            STUDENT,
            STUDENT + "instances = { max = 4, desird = 4 }\n",
            "b.toml:8:24: services.student.instances.desird: unknown key; did you mean desired?",
        ),
        (
            STUDENT,
            STUDENT + 'deploy = "ecs"\n',
            f'b.toml:8:10: services.student.deploy: must be {DEPLOYS}, not the text "ecs"',
        ),
        (
            STUDENT,
            STUDENT + "deploy = 2024-01-01\n",
            f"b.toml:8:10: services.student.deploy: must be {DEPLOYS}, not the date or time 2024-01-01",
        ),
        (
            STUDENT,
            STUDENT + "database = 1\n",
            "b.toml:8:12: services.student.database: must be a text in quotes, not 1",
        ),
        (
            "[services.payment]\n[services.student]",
            "[services]\nstudent = 3",
            "b.toml:7:11: services.student: must be a table, not 3",
        ),
        (
            STUDENT,
            '[services."my service"]\n',
            "b.toml:7:11: services.my service: a name may hold letters, digits, - and _ only",
        ),
        (
            STUDENT,
            STUDENT + STUDENT,
            "b.toml:8:18: not TOML: cannot declare ('services', 'student') twice",
        ),
        (
            "[workers.cache-worker]",
            "[workers.student]",
            "b.toml:8:10: workers.student: there is a service of this name too",
        ),
        (
            "max_connections = 100\n",
            "",
            (
                "b.toml:1:12: databases.primary: max_connections is missing; declare it, or read it from "
                "the server with --live"
            ),
        ),
        (
            "max_connections = 100",
            "max_connections = 3",
            (
                "b.toml:2:19: databases.primary.max_connections: "
                "must be more than all reserves together, 3, not 3"
            ),
        ),
        (
            "pool_size = 10\n",
            "",
            "b.toml:5:11: services.payment: pool_size is missing, here and in [defaults] (and so for 2 more)",
        ),
        (
            "instances = 1\n[services.payment]\n",
            "[services.payment]\ninstances = 1\n[workers.other]\ninstances = 2\n",
            (
                "b.toml:9:11: services.student: instances is missing, here and in [defaults] (and so for "
                "1 more)"
            ),
        ),
        ("[defaults]", "[default]", "b.toml:3:2: default: unknown key; did you mean defaults?"),
        (
            "[environments.production]",
            "[policy]\ndeploys_at_once = 0",
            'b.toml:10:19: policy.deploys_at_once: must be 1 or more, or "all", not 0',
        ),
        (
            "[environments.production]",
            '[policy]\ndeploys_at_once = "some"',
            'b.toml:10:19: policy.deploys_at_once: must be 1 or more, or "all", not the text "some"',
        ),
        (
            "[environments.production]",
            "[policy]\nheadroom_percent = 100",
            "b.toml:10:20: policy.headroom_percent: must be 99 or less, not 100",
        ),
        (
            "[environments.production]",
            "[environments.production.services.paymnt]",
            (
                "b.toml:9:35: environments.production.services.paymnt: an environment can only override, "
                "and there is no [services.paymnt]; did you mean payment?"
            ),
        ),
        (
            "[environments.production]",
            "[environments.production.policy]\nheadroom = 3",
            (
                "b.toml:10:1: environments.production.policy.headroom: unknown key; did you mean "
                "headroom_percent?"
            ),
        ),
        (
            "[environments.production]",
            "[environments.production.environments.x]",
            (
                "b.toml:9:26: environments.production.environments: unknown key; known are policy, "
                "defaults, databases, poolers, services, workers, sources"
            ),
        ),
        (
            "pool_size = 10",
            "pool_size 10",
            "b.toml:4:11: not TOML: expected '=' after a key in a key/value pair",
        ),
        ("pool_size = 20\n", 'deploy = "roll', "b.toml:11:15: not TOML: unterminated string"),
    ],
)
def test_one_mistake_is_one_line(file: Path, old: str, new: str, expected: str) -> None:
    assert SMALL.count(old) >= 1
    found = mistake(file, SMALL.replace(old, new, 1))
    assert found == expected


def test_all_mistakes_are_told_in_the_order_of_the_file(file: Path) -> None:
    text = (
        SMALL.replace("= 100", '= "100"')
        .replace("= 10\n", "= -10\n")
        .replace("pool_size = 20", "pool_siz = 20")
    )
    assert mistake(file, text).splitlines() == [
        'b.toml:2:19: databases.primary.max_connections: must be a whole number, not the text "100"',
        "b.toml:4:13: defaults.pool_size: must be 0 or more, not -10",
        "b.toml:11:1: environments.development.defaults.pool_siz: unknown key; did you mean pool_size?",
    ]


def test_mistakes_of_all_environments_are_told_once(file: Path) -> None:
    text = SMALL.replace("[services.student]", '[services.student]\ndatabase = "x"') + (
        "[environments.development.workers.x]\n[environments.production.workers.y]\n"
    )
    assert [line.partition(" ")[0] for line in mistake(file, text).splitlines()] == [
        "b.toml:8:12:",
        "b.toml:13:35:",
        "b.toml:14:34:",
    ]


def test_several_databases_have_to_be_chosen_from(file: Path) -> None:
    text = SMALL.replace("[defaults]", "[databases.replica]\nmax_connections = 50\n[defaults]")
    assert mistake(file, text).splitlines()[0] == (
        "b.toml:8:11: services.payment: database is missing, here and in [defaults]; "
        "known are primary, replica"
    )
    chosen = text.replace("[services.payment]", '[services.payment]\ndatabase = "replica"').replace(
        "[defaults]", '[defaults]\ndatabase = "primary"'
    )
    assert [s.pools[0].target for s in fleets(file, chosen)[0].services] == ["replica", "primary", "primary"]


def test_a_limit_that_will_be_read_need_not_be_declared(file: Path) -> None:
    text = SMALL.replace("max_connections = 100\n", "")
    production, _ = fleets(file, text, live_database="primary")
    assert production.servers[0].declared == {}


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "\n\n"])
def test_an_empty_file(file: Path, content: str) -> None:
    assert mistake(file, content) == (
        "b.toml: the file says nothing; it needs at least one [databases.<name>] and one [services.<name>]"
    )


def test_a_file_without_services_or_databases(file: Path) -> None:
    assert mistake(file, "[policy]\n").splitlines() == [
        "b.toml: no databases; the file needs at least one [databases.<name>]",
        "b.toml: no services; the file needs at least one [services.<name>]",
    ]


def test_not_utf8(file: Path) -> None:
    content = SMALL.replace("[defaults]", "# é: Kodér\n[defaults]").encode()
    broken = content.replace("Kodér".encode(), "Kodér".encode("latin-1"))
    assert mistake(file, broken) == "b.toml:3:9: not UTF-8: byte 0xe9; save the file as UTF-8"


def test_a_missing_file(file: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_budget(str(file))
    assert str(caught.value) == "b.toml: no such file; name the budget: kc-db check-pool-budget FILE"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        load_budget(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a = " + "[" * 5000, "b.toml: not a budget: tables or lists are nested too deep"),
        ("a = " + "9" * 5000, "b.toml: not a budget: it holds a number of thousands of digits"),
    ],
)
def test_what_python_gives_up_on(file: Path, content: str, expected: str) -> None:
    assert mistake(file, content) == expected


def test_control_characters_stay_on_their_line(file: Path) -> None:
    lines = mistake(file, SMALL + '[services."x\\ty"]\n"a\\nb" = 1\n').splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["b.toml:12:11", r"services.x\ty"],
        ["b.toml:13:1", r"services.x\ty.a\nb"],
    ]


def test_an_unknown_environment(file: Path) -> None:
    file.write_text(SMALL)
    with pytest.raises(InputError) as caught:
        load_budget(str(file)).environments("develop")
    assert str(caught.value) == (
        "b.toml: --environment: no environment develop in the file; did you mean development?"
    )
    file.write_text(SMALL[: SMALL.index("[environments")])
    with pytest.raises(InputError, match="the file names none, so leave --environment away"):
        load_budget(str(file)).environments("production")
