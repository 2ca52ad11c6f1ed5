"""Which findings a baseline accepts, and which of its entries are idle."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.errors import InputError
from kc_db.findings import Difference, Finding, Problem, Severity
from kc_db.indexes.baseline import Entry, Looked, fingerprint, judge, renew
from kc_db.indexes.baseline_file import load_baseline, write_baseline
from kc_db.rulebook import Description

TODAY = date(2026, 5, 1)
LATER, EARLIER = date(2026, 5, 2), date(2026, 4, 30)
KEYS = Difference("keys", "(a)", "(b)")
DIFFERENT = Finding(
    "different-definition", Severity.ERROR, Problem("s.t.x", "differs in keys", differences=(KEYS,))
)
MISNAMED = Finding("misnamed-index", Severity.WARNING, Problem("s.t.y", "named z"))
UNMANAGED = Finding("unmanaged-index", Severity.INFORMATION, Problem("s.t.o", "no spec"))
UNDECIDED = Finding(
    "undetermined-definition", Severity.UNDETERMINED, Problem("s.t.x", "can't decide", group="s.t")
)
NOT_LOOKED_AT = Finding("unverified-target", Severity.UNDETERMINED, Problem("db2", "is down"), "db2")
RULES = frozenset({"different-definition", "misnamed-index", "unmanaged-index", "undetermined-definition"})
LOOKED = Looked(TODAY, RULES, ("db",))
DESCRIPTIONS = {
    finding.rule: Description(finding.rule, finding.severity, "")
    for finding in (DIFFERENT, MISNAMED, UNMANAGED, UNDECIDED)
}


def entry(finding: Finding, expires: date = LATER, target: str | None = None) -> Entry:
    problem = finding.problem
    return Entry(finding.rule, problem.where, fingerprint(problem), "old", expires, target)


def changed(finding: Finding) -> Finding:
    return replace(finding, problem=replace(finding.problem, message="something else"))


def test_an_entry_accepts_its_finding_and_no_other() -> None:
    judged = judge([DIFFERENT, MISNAMED], [entry(DIFFERENT)], LOOKED)
    assert (judged.findings, judged.accepted) == ((MISNAMED,), (DIFFERENT,))
    assert (judged.expired, judged.unused) == ((), ())


@pytest.mark.parametrize(("expires", "accepts"), [(LATER, True), (TODAY, True), (EARLIER, False)])
def test_an_entry_accepts_until_the_end_of_its_last_day(expires: date, accepts: bool) -> None:
    judged = judge([MISNAMED], [entry(MISNAMED, expires)], LOOKED)
    assert (not judged.findings, not judged.expired) == (accepts, accepts)
    assert judged.unused == ()


def test_a_changed_finding_is_reported_and_its_entry_is_idle() -> None:
    other = changed(MISNAMED)
    judged = judge([other], [entry(MISNAMED)], LOOKED)
    assert judged.findings == (other,)
    assert judged.unused == ((entry(MISNAMED), True),)


def test_another_difference_is_a_change() -> None:
    worse = replace(DIFFERENT.problem, differences=(replace(KEYS, have="(c)"),))
    assert judge([replace(DIFFERENT, problem=worse)], [entry(DIFFERENT)], LOOKED).accepted == ()


def test_figures_that_change_by_themselves_are_no_change() -> None:
    first, second = (
        Finding("r", Severity.WARNING, Problem("w", message, found="bloated")) for message in ("7 MB", "8 MB")
    )
    assert judge([second], [entry(first)], LOOKED).accepted == (second,)


@pytest.mark.parametrize("expires", [LATER, EARLIER])
def test_an_entry_that_nothing_matches_is_idle_expired_or_not(expires: date) -> None:
    old = entry(MISNAMED, expires)
    judged = judge([], [old], LOOKED)
    assert (judged.unused, judged.expired) == (((old, False),), ())


@pytest.mark.parametrize(
    ("findings", "looked", "target"),
    [
        ((), replace(LOOKED, rules=frozenset({"missing-index"})), None),
        ((), LOOKED, "another"),
        ((NOT_LOOKED_AT,), LOOKED, None),
        ((), replace(LOOKED, schemas=("t", "s2")), None),
        ((UNDECIDED,), LOOKED, None),
    ],
    ids=[
        "rule is off",
        "database not looked at",
        "a database missed",
        "schema not looked at",
        "undetermined",
    ],
)
def test_an_entry_is_not_idle_where_the_run_cannot_tell(
    findings: tuple[Finding, ...], looked: Looked, target: str | None
) -> None:
    old = entry(DIFFERENT, target=target)
    assert judge(findings, [old], looked).unused == ()
    assert old in renew(findings, [old], looked, "new", LATER)


def test_what_is_undetermined_is_never_accepted() -> None:
    judged = judge([UNDECIDED], [entry(UNDECIDED)], LOOKED)
    assert judged.findings == (UNDECIDED,)
    assert renew([UNDECIDED, UNMANAGED], [], LOOKED, "new", LATER) == ()


def test_an_entry_of_one_database_accepts_nothing_in_another() -> None:
    looked = replace(LOOKED, targets=("eu", "us"))
    eu, us = (replace(MISNAMED, target=name) for name in looked.targets)
    assert judge([eu, us], [entry(MISNAMED, target="eu")], looked).findings == (us,)
    assert judge([eu, us], [entry(MISNAMED)], looked).findings == ()
    assert judge([MISNAMED], [entry(MISNAMED, target="db")], LOOKED).findings == ()
    assert [each.target for each in renew([us, eu], [], looked, "new", LATER)] == ["eu", "us"]


def test_renewing_keeps_what_is_still_true_and_nothing_else() -> None:
    kept, expired, idle = entry(DIFFERENT), entry(MISNAMED, EARLIER), entry(changed(MISNAMED))
    renewed = renew([MISNAMED, DIFFERENT, UNMANAGED], [idle, expired, kept], LOOKED, "new", date(2026, 9, 9))
    assert renewed == (kept, replace(expired, reason="new", expires=date(2026, 9, 9)))


FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from(sorted(RULES)),
        st.sampled_from(Severity),
        st.builds(Problem, st.sampled_from(("a", "b")), st.text(min_size=1, max_size=3)),
        st.sampled_from((None, "db")),
    ),
    max_size=5,
)


@given(FINDINGS, FINDINGS)
def test_after_renewing_no_difference_is_left_and_no_entry_is_idle(
    before: list[Finding], now: list[Finding]
) -> None:
    entries = renew(now, renew(before, [], LOOKED, "old", LATER), LOOKED, "new", LATER)
    judged = judge(now, entries, LOOKED)
    assert all(finding.severity < Severity.WARNING for finding in judged.findings)
    assert judged.expired == ()
    assert {each.where for each, _ in judged.unused} == set()
    assert renew(now, entries, LOOKED, "newer", LATER) == entries


@given(
    st.lists(
        st.builds(
            Entry,
            st.sampled_from(("misnamed-index", "different-definition")),
            st.text(st.characters(codec="utf-8"), min_size=1),
            st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
            st.text(st.characters(codec="utf-8"), min_size=1),
            st.dates(),
            st.none() | st.text(st.characters(codec="utf-8"), min_size=1),
        ),
        max_size=3,
    )
)
def test_a_file_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]
) -> None:
    file = tmp_path_factory.mktemp("baseline") / "b.toml"
    write_baseline(file, entries)
    assert load_baseline(file, DESCRIPTIONS) == tuple(entries)
    assert [path.name for path in file.parent.iterdir()] == ["b.toml"]


def test_the_file(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    write_baseline(file, [entry(DIFFERENT), entry(MISNAMED, target="eu")])
    header, _, text = file.read_text(encoding="utf-8").partition("\n\n")
    assert all(line.startswith("# ") for line in header.split("\n"))
    assert (
        text
        == """\
[[accepted]]
rule = "different-definition"
where = "s.t.x"
found = [
    "differs in keys",
    "keys: want (a), have (b)",
]
reason = "old"
expires = 2026-05-02

[[accepted]]
target = "eu"
rule = "misnamed-index"
where = "s.t.y"
found = [
    "named z",
]
reason = "old"
expires = 2026-05-02
"""
    )
    assert [each.line for each in load_baseline(file, DESCRIPTIONS)] == [5, 15]


def test_an_empty_baseline_says_what_it_is(tmp_path: Path) -> None:
    write_baseline(tmp_path / "b.toml", [])
    assert load_baseline(tmp_path / "b.toml", DESCRIPTIONS) == ()
    assert (tmp_path / "b.toml").read_text(encoding="utf-8").startswith("# ")


def test_writing_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "b.toml").symlink_to("real.toml")
    write_baseline(tmp_path / "b.toml", [])
    assert (tmp_path / "b.toml").is_symlink()
    assert (tmp_path / "real.toml").is_file()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"b\.toml: the baseline can't be written: No such file or directory; name"
    ):
        write_baseline(tmp_path / "none" / "b.toml", [])


ENTRY = (
    '[[accepted]]\nrule = "misnamed-index"\nwhere = "w"\nfound = ["f"]\nreason = "r"\nexpires = 2030-01-01\n'
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"misnamed-index"', '"misnamd-index"', "8:8: accepted.1.rule: there is no rule misnamd-index; did"),
        ('"misnamed-index"', '"undetermined-definition"', "8:8: accepted.1.rule: what is undetermined"),
        ("2030-01-01", '"2030-01-01"', "12:11: accepted.1.expires: must be a date without quotes"),
        ("2030-01-01", "2030-01-01T00:00:00", "12:11: accepted.1.expires: "),
        ('reason = "r"', "", "7:3: accepted.1.reason: is missing"),
        ('"r"', '""', "11:10: accepted.1.reason: must not be empty"),
        ("reason", "raeson", "11:1: accepted.1.raeson: unknown key; did you mean reason?"),
        ('["f"]', '"f"', '10:9: accepted.1.found: must be a list, not the text "f"'),
        ("[[accepted]]", "[[accept]]", "7:3: accept: unknown key; did you mean accepted?"),
        ("[[accepted]]", "[[accepted]", "7:11: not TOML: expected ']]' at the end of an array declaration"),
    ],
)  # fmt: skip
def test_a_wrong_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "b.toml"
    file.write_text(ENTRY + ENTRY.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_baseline(file, DESCRIPTIONS)
    assert f"{file}:{message}" in str(caught.value)


def test_an_entry_that_was_written_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    inside = ENTRY.removeprefix("[[accepted]]\n").rstrip().replace("\n", ", ")
    file.write_text(f"\naccepted = [{{ {inside} }}]\n", encoding="utf-8")
    assert [(each.rule, each.line) for each in load_baseline(file, DESCRIPTIONS)] == [
        ("misnamed-index", None)
    ]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; make it with: kc-db verify-indexes --write-baseline"):
        load_baseline(tmp_path / "b.toml", DESCRIPTIONS)


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="this is no file"):
        write_baseline(pipe, [])
    assert pipe.is_fifo()
