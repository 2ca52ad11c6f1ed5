"""What --live saw, held against the budget."""

import json
from pathlib import Path

import pytest

from kc_db.budget.activity import Activity, DatabaseLimit, PendingSetting, RoleState, Sessions
from kc_db.budget.live.figures import live_summary, live_tables
from kc_db.budget.live.use import unexplained, uses
from kc_db.budget.model import Fleet
from kc_db.budget.rules import (
    low_database_limit,
    low_role_limit,
    missing_role,
    pending_restart,
    role_limit_drift,
    sessions_beyond_budget,
    undeclared_sessions,
    undeclared_superuser_sessions,
    unseen_sessions,
)
from tests.activities import seen
from tests.budgets import load_fleet, make_fleet, service

RULES = (
    low_database_limit,
    low_role_limit,
    missing_role,
    pending_restart,
    role_limit_drift,
    sessions_beyond_budget,
    undeclared_sessions,
    undeclared_superuser_sessions,
    unseen_sessions,
)


def sessions(role: str, count: int, application: str = "", **changes: object) -> Sessions:
    return Sessions(
        **{"role": role, "application_name": application, "database": "app", "count": count} | changes
    )  # type: ignore[arg-type]


def fleet_of(**changes: object) -> Fleet:
    """Two services on the role `app`, of 20 in a deploy each, one on its own, and one without a role."""
    return make_fleet(
        service("payment", role="app"),
        service("booking", role="app"),
        service("admin", role="admin", pool_size=5),
        service("legacy", pool_size=2),
        **{"deploys_at_once": 1, "fixed": 3, "max_connections": 200, **changes},  # type: ignore[arg-type]
    )


def look(*found: Sessions, **changes: object) -> Fleet:
    roles = (RoleState("app", 30), RoleState("admin", 10))
    return seen(fleet_of(), Activity(sessions=found, **{"roles": roles, **changes}))  # type: ignore[arg-type]


def test_without_a_look_there_is_nothing_to_say() -> None:
    fleet = fleet_of()
    assert [problem for rule in RULES for problem in rule.check(fleet)] == []
    assert (list(live_tables([fleet])), live_summary([fleet])) == ([], {})


def test_a_role_is_held_against_what_its_services_need_together() -> None:
    assert list(sessions_beyond_budget.check(look(sessions("app", 30)))) == []
    (problem,) = sessions_beyond_budget.check(look(sessions("app", 31)))
    assert problem.where == "database primary, role app (payment, booking)"


def test_a_service_that_shares_a_role_is_known_by_its_application_name() -> None:
    fleet = look(sessions("app", 21, "payment"), sessions("app", 4, "booking"))
    (problem,) = sessions_beyond_budget.check(fleet)
    assert problem.where == "database primary, service payment (by application_name)"
    assert problem.message.startswith("21 sessions are open, 1 more than its peak in the budget, 20 (")


def test_a_service_with_a_role_of_its_own_is_told_once() -> None:
    assert len(list(sessions_beyond_budget.check(look(sessions("admin", 11, "admin"))))) == 1


def test_others_may_be_the_fixed_sessions_and_services_without_a_role() -> None:
    # 3 fixed ones, and 4 of legacy in its deploy
    assert list(undeclared_sessions.check(look(sessions("somebody", 7)))) == []
    (problem,) = undeclared_sessions.check(look(sessions("somebody", 8)))
    assert problem.message.startswith("8 sessions are open that the budget doesn't name, and it keeps 7")


def test_a_service_that_names_itself_leaves_less_to_others() -> None:
    found = (sessions("x", 2, "legacy"), sessions("somebody", 6))
    assert len(list(undeclared_sessions.check(look(*found)))) == 1


def test_superusers_may_take_what_others_leave_of_the_fixed_sessions() -> None:
    root = sessions("postgres", 7, is_privileged=True)
    assert list(undeclared_superuser_sessions.check(look(root))) == []
    (problem,) = undeclared_superuser_sessions.check(look(root, sessions("somebody", 1)))
    assert problem.remedy[1] == "  [databases.primary]\n  superuser_sessions = 1"
    assert list(undeclared_sessions.check(look(root))) == []


def test_hidden_sessions_are_neither_counted_nor_forgotten() -> None:
    fleet = look(sessions("app", 5, hidden=26))
    assert list(sessions_beyond_budget.check(fleet)) == []
    assert len(list(unseen_sessions.check(fleet))) == 1
    assert list(unseen_sessions.check(look(sessions("app", 5, hidden=25)))) == []


def test_a_superuser_has_no_limit_to_be_too_low() -> None:
    fleet = look(roles=(RoleState("app", 1, is_superuser=True), RoleState("admin", 10)))
    assert list(low_role_limit.check(fleet)) == []
    (problem,) = role_limit_drift.check(fleet)
    assert [(one.attribute, one.have) for one in problem.differences] == [
        ("role app", "no limit (a superuser)")
    ]


def test_limits_that_do_not_fit_together_are_no_drift() -> None:
    fleet = seen(fleet_of(max_connections=40), Activity(roles=(RoleState("app"), RoleState("admin"))))
    assert list(role_limit_drift.check(fleet)) == []


def test_a_role_that_may_not_log_in_is_as_good_as_missing() -> None:
    fleet = look(roles=(RoleState("app", 30, can_login=False),))
    assert [problem.message for problem in missing_role.check(fleet)] == [
        "the role may not log in; the budget has it for payment, booking",
        "the role is not on the server; the budget has it for admin",
    ]


@pytest.mark.parametrize(
    ("limit", "is_current", "found", "expected"),
    [
        (42, True, (), 0),  # 27 scaled out, and a deploy of 10: all but the fixed sessions
        (36, True, (), 1),
        (1, False, (), 0),  # nobody is there
        (29, False, (sessions("app", 1, database="limited"),), 1),
        (30, False, (sessions("app", 1, database="limited"),), 0),
        (
            7,
            True,
            (sessions("app", 1), sessions("admin", 1), sessions("x", 1, "legacy", database="limited")),
            0,
        ),
    ],
)
def test_a_database_is_held_against_those_that_use_it(
    limit: int, is_current: bool, found: tuple[Sessions, ...], expected: int
) -> None:
    fleet = look(*found, databases=(DatabaseLimit("limited", "limited", limit, is_current),))
    assert len(list(low_database_limit.check(fleet))) == expected


def test_a_pending_setting_that_may_not_be_read_is_told_all_the_same() -> None:
    (problem,) = pending_restart.check(look(pending=(PendingSetting("max_connections", "100"),)))
    assert problem.remedy == ("restart the server, or take the change back",)


def test_figures_say_who_is_connected() -> None:
    fleet = look(sessions("app", 5, "payment", hidden=1), sessions("root", 2, is_privileged=True))
    (table,) = live_tables([fleet])
    assert table.rows == (
        ("role app (payment, booking)", "5 to 6", "30", "30"),
        ("role admin (admin)", "0", "10", "10"),
        ("service payment (by application_name)", "5 to 6", "20", ""),
        ("service booking (by application_name)", "0", "20", ""),
        ("service legacy (by application_name)", "0", "4", ""),
        ("superusers", "2", "7", ""),
        ("others", "0", "7", ""),
    )
    assert json.loads(json.dumps(live_summary([fleet])))["activity"][0]["sessions"][0]["hidden"] == 1


def test_roles_behind_a_pooler_explain_their_sessions(tmp_path: Path) -> None:
    fleet = load_fleet(
        tmp_path / "budget.toml",
        "[databases.primary]\nmax_connections = 100\n[poolers.pgbouncer]\ndefault_pool_size = 7\n"
        '[services.a]\npooler = "pgbouncer"\nuser = "a"\npool_size = 30\ninstances = 2\n',
    )
    fleet = seen(fleet, Activity(sessions=(sessions("a", 8),)))
    (use,) = uses(fleet, fleet.servers[0])
    assert (use.who, use.sessions, use.peak) == ("role a (pgbouncer)", 8, 7)
    activity = fleet.servers[0].activity
    assert activity is not None
    assert unexplained(fleet, fleet.servers[0], activity).ordinary == ()
