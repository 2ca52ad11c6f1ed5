from dataclasses import replace

import pytest

from kc_db.online.blockers import Blocker
from kc_db.online.progress.figures import Figures, Meter, duration, overall

SCAN = "building index: scanning table"
# What PostgreSQL 18 reported while it built a B-tree of 400,000 rows: phase, blocks, tuples.
BUILD = [
    ("initializing", (0, 0), (0, 0)),
    ("waiting for writers before build", (0, 0), (0, 0)),
    (SCAN, (295, 5715), (0, 0)),
    (SCAN, (5655, 5715), (0, 0)),
    ("building index: sorting live tuples", (5715, 5715), (0, 0)),
    ("building index: sorting live tuples", (0, 0), (0, 400000)),
    ("building index: loading tuples in tree", (0, 0), (4482, 400000)),
    ("building index: loading tuples in tree", (0, 0), (400000, 400000)),
    ("waiting for writers before validation", (0, 0), (400000, 400000)),
    ("index validation: scanning index", (0, 2886), (0, 0)),
    ("index validation: scanning index", (2656, 2886), (0, 0)),
    ("index validation: sorting tuples", (0, 0), (0, 0)),
    ("index validation: scanning table", (204, 5715), (0, 0)),
    ("index validation: scanning table", (5344, 5715), (0, 0)),
    ("waiting for old snapshots", (5714, 5715), (0, 0)),
]


def figures(phase: str, blocks: tuple[int, int] = (0, 0), tuples: tuple[int, int] = (0, 0)) -> Figures:
    return Figures(
        phase, blocks_done=blocks[0], blocks_total=blocks[1], tuples_done=tuples[0], tuples_total=tuples[1]
    )


def test_the_phases_of_a_build_never_go_back_by_themselves() -> None:
    fractions = [overall(figures(*row)) for row in BUILD]
    known = [fraction for fraction in fractions if fraction is not None]
    assert known == sorted(known)
    assert len(known) == len(BUILD)
    assert (known[0], known[-1]) == (0.0, 0.99)


def test_a_meter_never_goes_back() -> None:
    meter = Meter(0.0)
    ahead = meter.view(figures("index validation: scanning index", (5, 10)), 1.0).fraction
    assert meter.view(figures(SCAN, (1, 10)), 2.0).fraction == ahead
    assert meter.view(Figures(), 3.0).fraction == ahead


@pytest.mark.parametrize("phase", ["building index", None, "a phase of a later version"])
def test_what_tells_nothing_has_no_fraction(phase: str | None) -> None:
    assert Meter(0.0).view(Figures(phase), 1.0).fraction is None


def test_a_method_of_one_phase_counts_its_blocks() -> None:
    assert overall(figures("building index", (1, 2))) == pytest.approx(0.39)


def test_a_hash_index_counts_its_blocks_and_then_its_tuples() -> None:
    rows = [
        figures("building index", (5, 10), (0, 100)),
        figures("building index", (10, 10), (1, 100)),
        figures("building index", (10, 10), (100, 100)),
    ]
    fractions = [overall(row) or 0 for row in rows]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(0.78)


def test_rate_and_remaining_time_are_told_of_work() -> None:
    meter = Meter(0.0)
    meter.view(figures(SCAN, (0, 100_000)), 1.0)
    view = meter.view(figures(SCAN, (50_000, 100_000)), 5.0)
    assert view.rate == "102 MB/s"
    assert view.remaining_s == pytest.approx(5.0 * 0.86 / 0.14)
    assert str(view) == f"{SCAN}, about 31 s left, 102 MB/s"
    loading = replace(figures("building index: loading tuples in tree"), tuples_total=90_000)
    meter.view(loading, 6.0)
    assert meter.view(replace(loading, tuples_done=1234), 7.0).rate == "1,234 rows/s"


def test_a_wait_is_no_work() -> None:
    meter = Meter(0.0)
    meter.view(figures(SCAN, (99, 100)), 4.0)
    waiting = Figures("waiting for writers before validation", lockers_done=1, lockers_total=3)
    view = meter.view(waiting, 1000.0)
    assert str(view) == "waiting for writers before validation, 1 of 3 lockers gone"
    left = meter.view(figures("index validation: scanning index", (0, 10)), 1001.0).remaining_s
    assert left == pytest.approx(5.0 * 0.22 / 0.78)


def test_a_new_phase_has_its_own_rate() -> None:
    meter = Meter(0.0)
    meter.view(figures(SCAN, (50, 100)), 1.0)
    assert meter.view(figures("index validation: scanning index", (1, 10)), 2.0).rate == ""


def test_a_statement_without_phases_runs_or_waits() -> None:
    assert Figures().words == "running"
    waits = Figures(blockers=(Blocker(7),))
    assert (waits.words, waits.waits) == ("waiting for a lock", True)


def test_a_total_of_an_earlier_phase_isnt_taken_for_this_ones() -> None:
    waiting = figures("waiting for old snapshots", (5714, 5715))
    assert (waiting.part, waiting.counted) == (None, "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59, "59 s"), (125, "2 min"), (7500, "2 h 5 min"), (7199.9, "2 h 0 min")],
)
def test_a_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
