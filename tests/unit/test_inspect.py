"""Looking at many databases at the same time; nothing is connected to."""

import threading
from collections.abc import Iterator

import pytest

from kc_db.database import Target
from kc_db.errors import InputError, KcDbError, ServerError
from kc_db.findings import Finding, Problem, Severity
from kc_db.indexes.inspect import Inspection, inspect_targets

TARGETS = [Target(f"t{number}", "") for number in range(9)]


def look(target: Target) -> Inspection:
    return Inspection(target.label, (Finding("r", Severity.ERROR, Problem("x", "bad")),), specs=1)


def test_each_gets_its_inspection_in_order() -> None:
    seen: list[str] = []
    inspections = inspect_targets(TARGETS, look, connections=3, done=lambda one: seen.append(one.target))
    assert [one.target for one in inspections] == [target.label for target in TARGETS]
    assert [one.findings[0].target for one in inspections] == [target.label for target in TARGETS]
    assert sorted(seen) == [target.label for target in TARGETS]


@pytest.mark.parametrize("connections", [1, 3, 9, 20])
def test_no_more_connections_than_allowed_and_no_fewer(connections: int) -> None:
    """Each look waits for as many others as may run; one too few, and the barrier would break."""
    together = min(connections, len(TARGETS))
    barrier = threading.Barrier(together, timeout=30)
    lock = threading.Lock()
    now: list[int] = [0]
    most: list[int] = [0]
    turns = iter(range(len(TARGETS) - len(TARGETS) % together))

    def waiting(target: Target) -> Inspection:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            full = next(turns, None) is not None
        if full:
            barrier.wait()
        with lock:
            now[0] -= 1
        return look(target)

    inspect_targets(TARGETS, waiting, connections=connections, done=lambda _: None)
    assert most[0] == together


@pytest.mark.parametrize("error", [ServerError("it is down"), InputError("two names")])
def test_one_that_fails_is_undetermined_and_keeps_nobody(error: KcDbError) -> None:
    def failing(target: Target) -> Inspection:
        if target.label == "t4":
            raise error
        return look(target)

    inspections = inspect_targets(TARGETS, failing, connections=2, done=lambda _: None)
    assert [one.target for one in inspections if one.error] == ["t4"]
    assert inspections[4].findings == (
        Finding("unverified-target", Severity.UNDETERMINED, Problem("t4", str(error)), "t4"),
    )


def test_a_bug_is_no_verdict() -> None:
    def broken(_: Target) -> Inspection:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        inspect_targets(TARGETS, broken, connections=2, done=lambda _: None)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
