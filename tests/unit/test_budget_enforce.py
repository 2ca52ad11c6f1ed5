"""Which CONNECTION LIMIT each role needs, whether they fit together, and what makes them fit."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.budget.enforce.changes import limit_changes
from kc_db.budget.enforce.limits import Enforcement, enforcement_of, enforcements, given_out
from kc_db.budget.enforce.report import check_names, findings
from kc_db.budget.enforce.statements import script, statement
from kc_db.budget.ledger import ledger
from kc_db.budget.typed import typed
from kc_db.errors import InputError
from tests.budgets import load_fleet, make_fleet, service

ONE = "[databases.primary]\nmax_connections = 200\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def enforce(text: str, server: str = "primary") -> Enforcement:
    return enforcement_of(load_fleet("fleet.toml", text), server)


def limits(found: Enforcement) -> dict[str, int]:
    return {limit.role: limit.limit for limit in found.limits}


@pytest.mark.parametrize(
    ("judged", "deploy", "expected"),
    [
        ("second-deploy = false", "rolling", 40),  # 2 x 10 and as many new tasks
        ("second-deploy = true", "rolling", 60),  # and the draining ones of the deploy before
        ("second-deploy = true", "recreate", 20),
        ("second-deploy = false, deploy = false", "rolling", 20),
        ("second-deploy = false, blue-green-all = true", "recreate", 40),
    ],
)
def test_a_limit_is_the_peak_in_the_worst_judged_moment(judged: str, deploy: str, expected: int) -> None:
    found = enforce(
        f"[policy]\njudged = {{ {judged} }}\n{ONE}[services.payment]\n"
        f'role = "payment"\npool_size = 10\ninstances = 2\ndeploy = "{deploy}"\n'
    )
    assert limits(found) == {"payment": expected}


SHARED = """
[policy]
judged = { second-deploy = false }
deploys_at_once = %s
[databases.primary]
max_connections = 200
[defaults]
role = "app"
instances = 1
[services.a]
pool_size = 10
[services.b]
pool_size = 6
[services.c]
pool_size = 3
[services.gateway]
pool_size = 0
"""


@pytest.mark.parametrize(("at_once", "expected"), [("1", 29), ("2", 35), ('"all"', 38)])
def test_services_that_share_a_role_deploy_as_the_policy_says(at_once: str, expected: int) -> None:
    found = enforce(SHARED % at_once)
    assert limits(found) == {"app": expected}
    assert found.limits[0].members == ("a", "b", "c")


def test_a_role_is_the_same_on_a_primary_and_its_replicas() -> None:
    found = enforce(
        """
        [policy]
        judged = { second-deploy = false, replica-lost = false }
        [databases.primary]
        max_connections = 100
        [databases.replica]
        max_connections = 50
        replica_of = "primary"
        [databases.other]
        max_connections = 50
        [services.shop]
        role = "shop"
        instances = 2
        pools = { rw = { database = "primary", pool_size = 3 }, ro = { database = "replica", pool_size = 8 } }
        [services.far]
        role = "shop"
        instances = 1
        database = "other"
        pool_size = 1
        """,
        "replica",
    )
    assert found.primary.name == "primary"
    assert limits(found) == {"shop": 32}
    assert [(share.server.name, share.limits) for share in found.shares] == [("primary", 32), ("replica", 32)]
    assert [limits(one) for one in enforcements(found.fleet)] == [{"shop": 32}, {"shop": 2}]


def test_readers_that_come_to_the_primary_need_room_there() -> None:
    found = enforce(
        """
        [policy]
        judged = { second-deploy = false, deploy = false }
        [databases.primary]
        max_connections = 100
        [databases.replica]
        max_connections = 50
        replica_of = "primary"
        [services.shop]
        role = "shop"
        instances = 2
        pools = { rw = { database = "primary", pool_size = 3 }, ro = { database = "replica", pool_size = 8 } }
        """
    )
    assert limits(found) == {"shop": 22}
    assert found.limits[0].made_of == "shop 2 x 3; replica lost + 16 (on primary)"


def test_fixed_sessions_and_a_migration_keep_their_part() -> None:
    found = enforce(
        ONE + "fixed_sessions = { people = 5 }\nmigration_sessions = { alembic = 2 }\n"
        '[services.a]\nrole = "a"\npool_size = 1\ninstances = 1\n'
    )
    assert given_out(found.fleet, found.primary) == 200 - 3 - 5 - 2
    heading = next(iter(script(found, found.limits)))
    assert (
        heading == "-- primary: 3 of 190 connections (197 usable, 7 kept for fixed sessions and migrations)"
    )


BOUNCER = """
[databases.primary]
max_connections = 300
[poolers.pgbouncer]
instances = 2
default_pool_size = 20
%s
[services.payment]
pooler = "pgbouncer"
user = "payment"
pool_size = 50
instances = 1
[services.booking]
pooler = "pgbouncer"
user = "booking"
pool_size = 50
instances = 1
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", {"payment": 40, "booking": 40}),
        ("max_user_connections = 5", {"payment": 10, "booking": 10}),
        ("max_db_connections = 25", {"payment": 40, "booking": 40}),  # either of them may have its whole pool
        ('databases = { app = { user = "app" } }', {"app": 40}),
        ('version = "1.24"\ndatabases = { app = { user = "app" } }', {"app": 40}),
        ('auth_user = "auth"', {"payment": 40, "booking": 40, "auth": 40}),
    ],
)
def test_behind_pgbouncer_the_role_is_the_user(settings: str, expected: dict[str, int]) -> None:
    found = enforce(BOUNCER % settings)
    assert (limits(found), found.nameless, found.unknown) == (expected, (), ())


def test_pools_of_nobody_can_not_be_limited() -> None:
    text = (BOUNCER % "max_db_connections = 30\ndatabases = { app = {} , other = {} }").replace(
        "user =", 'alias = "app"\nuser ='
    )
    found = enforce(text)
    assert found.verdict == "unproven"
    assert found.unknown == ("pgbouncer: nothing says who logs in to other: say its users",)


PROXY = """
[databases.primary]
max_connections = 100
[poolers.proxy]
kind = "rds-proxy"
max_connections_percent = 50
[services.payment]
pooler = "proxy"
role = "payment"
pool_size = 50
instances = 1
"""


def test_an_rds_proxy_gives_its_share_to_its_only_role() -> None:
    assert limits(enforce(PROXY)) == {"payment": 50}


def test_an_rds_proxy_of_several_roles_can_not_be_limited() -> None:
    found = enforce(PROXY + '[services.b]\npooler = "proxy"\nrole = "b"\npool_size = 1\ninstances = 1\n')
    assert found.verdict == "unproven"
    assert found.unknown == ("proxy: an RDS Proxy may give its whole share to whichever of payment, b",)


def test_services_without_a_role_are_named() -> None:
    found = enforce(SHARED.replace('role = "app"', "") % "1")
    with pytest.raises(InputError, match="No role is said for a, b, c: add role"):
        check_names([found])


def test_what_nobody_knows_is_not_set() -> None:
    found = enforce(
        ONE + '[services.a]\nrole = "a"\ndriver = "sqlalchemy"\nmax_overflow = -1\ninstances = 1\n'
    )
    (finding,) = findings([found])
    assert (found.verdict, finding.rule, str(finding.severity)) == (
        "unproven",
        "unproven-budget",
        "undetermined",
    )


def test_a_role_that_needs_nothing_is_not_locked_out() -> None:
    found = enforce((BOUNCER % "").replace("instances = 2", "instances = 0"))
    assert limits(found) == {}


def test_statements_quote_whatever_name_there_is() -> None:
    found = enforce(ONE + "[services.a]\nrole = 'we\"ird; -- x'\npool_size = 1\ninstances = 1\n")
    assert statement(found.limits[0]) == 'ALTER ROLE "we""ird; -- x" CONNECTION LIMIT 3'


def test_each_change_fits_and_one_step_less_does_not() -> None:
    text = """
        [policy]
        deploys_at_once = 1
        [databases.primary]
        max_connections = 130
        [services.a]
        role = "a"
        pool_size = 12
        instances = 2
        [services.b]
        role = "b"
        pool_size = 11
        instances = 2
        """
    found = enforce(text)
    assert found.verdict == "does not fit"
    tried = 0
    for change in limit_changes(found):
        written = tomllib.loads(typed(found.fleet, change.edits))
        for table in written.values():
            for name, keys in table.items():
                for key, value in keys.items():
                    worse = value - 1 if key == "max_connections" else value + 1
                    better = tuple(f"{edit.table[-1]}.{edit.key}={edit.value}" for edit in change.edits)
                    fits = load_fleet("fleet.toml", text, overrides=better)
                    lacks = load_fleet("fleet.toml", text, overrides=(*better, f"{name}.{key}={worse}"))
                    assert enforcement_of(fits, "primary").verdict == "fits"
                    assert enforcement_of(change.after, "primary").verdict == "fits"
                    if len(change.edits) == 1:
                        assert enforcement_of(lacks, "primary").verdict == "does not fit"
                    tried += 1
    assert tried >= 3
    (finding,) = findings([found])
    assert "deploys of other roles wait for their turn" in finding.problem.message
    assert finding.problem.remedy[-1].startswith("or let services share a role")


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4), st.sampled_from("abc")), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(1, 6)),
    st.booleans(),
)
def test_the_sum_covers_every_moment_of_the_fleet(
    sizes: list[tuple[int, int, str]], at_once: int | None, second: bool
) -> None:
    """Whatever the roles are: limits that fit leave nobody refused, and the server never runs out."""
    members = (
        service(f"s{number}", pool_size=size, instances=tasks, role=role)
        for number, (size, tasks, role) in enumerate(sizes)
    )
    fleet = make_fleet(*members, deploys_at_once=at_once, second_deploy=second, max_connections=5000)
    found = enforcement_of(fleet, "primary")
    book = ledger(fleet, found.primary)
    assert sum(limits(found).values()) >= book.deploying(book.enforced_deploys)
