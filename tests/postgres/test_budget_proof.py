"""`python -m torture.budget` in short: fleets that just fit on a real server, and whether it would notice."""

from pathlib import Path

import pytest

from torture import budget
from torture.budget import WHERE, Outcome, binaries_of, certify, prove, tried
from torture.budget_fleets import Case, Crew, Site, deploying_slowly
from torture.budget_moments import height, together, weights
from torture.budget_stage import PROBES

SEEDS = range(1, 7)
ALONE = Case(
    crews=(
        Crew("payment", 1, 2, processes=1, pools=(2, 1), reading=(), rollout={"deploy": "rolling"}),
        Crew("booking", 1, 1, processes=2, pools=(1,), reading=(), rollout={"deploy": "recreate"}),
    ),
    site=Site(superuser_reserved=2, superusers=1),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("budget")


@pytest.fixture
def where(pytestconfig: pytest.Config) -> str:
    named: str = pytestconfig.getoption("--postgres")
    if named not in WHERE:
        pytest.skip("needs a server on which nobody else is connected")
    return named


def proved(case: Case, where: str, base: Path) -> Outcome:
    return prove(case, binaries_of(where)[1], base / where)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fleet_that_just_fits_is_never_refused_and_one_more_always_is(
    where: str, seed: int, base: Path
) -> None:
    outcome = tried(where, seed, base)
    assert outcome.failures == []
    assert outcome.peak == outcome.usable <= outcome.opened
    assert outcome.refused >= PROBES


@pytest.mark.parametrize(("slots", "wrong"), [(-1, "refused"), (1, "there is room for 1 more")])
def test_another_number_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch, where: str, base: Path, slots: int, wrong: str
) -> None:
    assert proved(ALONE, where, base).failures == []

    def certify_wrongly(case: Case, folder: Path) -> tuple[int, int, list[str]]:
        needed, usable, failures = certify(case, folder)
        return needed + slots, usable, failures

    monkeypatch.setattr(budget, "certify", certify_wrongly)
    assert any(wrong in failure for failure in proved(ALONE, where, base).failures)


def draining(*tasks_and_rollouts: tuple[int, dict[str, int | str]]) -> Case:
    names = ("payment", "booking")
    crews = (
        Crew(name, tasks, tasks, processes=1, pools=(1,), reading=(), rollout=rollout)
        for name, (tasks, rollout) in zip(names, tasks_and_rollouts, strict=True)
    )
    return Case(tuple(crews), Site(superuser_reserved=1))


def test_a_second_deploy_that_only_drains_beside_one_that_adds(where: str, base: Path) -> None:
    case = draining((2, {"deploy": "rolling", "maximum_percent": 100}), (1, {"deploy": "blue-green"}))
    assert proved(case, where, base).failures == []


def test_several_deploys_whose_old_tasks_drain(tmp_path: Path) -> None:
    """KEP-3973, "Consider Terminating Pods in Deployments": maxSurge doesn't count Pods that terminate."""
    case = draining((4, {"deploy": "surge"}), (4, {"deploy": "surge"}))
    _, usable, _ = certify(case, tmp_path)
    deploys = [[(crew.name, step) for step in deploying_slowly(crew)] for crew in case.crews]
    steady = sum(crew.tasks for crew in case.crews)
    assert steady + height(together(deploys), weights(case))[0] <= usable
