from itertools import product

import pytest

from kc_db.findings import Finding, Problem, Severity, count_by_severity, exit_code

E, W, I, U = Severity.ERROR, Severity.WARNING, Severity.INFORMATION, Severity.UNDETERMINED  # noqa: E741


def findings(*severities: Severity) -> list[Finding]:
    return [Finding("rule", severity, Problem("where", "message")) for severity in severities]


@pytest.mark.parametrize(
    ("found", "fail_on_error", "fail_on_warning", "fail_on_information"),
    [
        ((), 0, 0, 0),
        ((I,), 0, 0, 1),
        ((W,), 0, 1, 1),
        ((W, I), 0, 1, 1),
        ((E,), 1, 1, 1),
        ((E, I), 1, 1, 1),
        ((E, W), 1, 1, 1),
        ((E, W, I), 1, 1, 1),
        ((U,), 3, 3, 3),
        ((I, U), 3, 3, 1),
        ((W, U), 3, 1, 1),
        ((W, I, U), 3, 1, 1),
        ((E, U), 1, 1, 1),
        ((E, I, U), 1, 1, 1),
        ((E, W, U), 1, 1, 1),
        ((E, W, I, U), 1, 1, 1),
    ],
)
def test_exit_code(
    found: tuple[Severity, ...], fail_on_error: int, fail_on_warning: int, fail_on_information: int
) -> None:
    assert exit_code(findings(*found), E) == fail_on_error
    assert exit_code(findings(*found), W) == fail_on_warning
    assert exit_code(findings(*found), I) == fail_on_information
    assert exit_code(findings(*reversed(found))) == fail_on_error


def test_exit_code_ignores_how_many_there_are() -> None:
    for first, second in product(Severity, repeat=2):
        assert exit_code(findings(first, second)) == exit_code(findings(first, second, first))


def test_counts_name_every_severity_the_worst_first() -> None:
    assert list(count_by_severity(findings(I, E, E)).items()) == [
        ("error", 2),
        ("warning", 0),
        ("information", 1),
        ("undetermined", 0),
    ]


def test_severities_are_ordered_and_print_as_their_names() -> None:
    assert U < I < W < E
    assert [str(severity) for severity in Severity] == ["undetermined", "information", "warning", "error"]
