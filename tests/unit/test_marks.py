"""What differs between want and have, and the line that marks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.findings import Difference
from kc_db.report.marks import differing, marked, marks_under


def shown(want: str, have: str) -> str:
    lines = []
    for line, spans in marked([Difference("keys", want, have)]):
        lines += [line, marks_under(line, spans)] if spans else [line]
    return "\n".join(lines)


def test_what_is_there_instead_is_marked_in_have() -> None:
    assert shown("(student_id, status)", "(student_id, state)") == (
        "    keys  want  (student_id, status)\n"
        "          have  (student_id, state)\n"
        "                             ^^^^^"
    )


def test_what_is_missing_is_marked_in_want() -> None:
    assert shown("(a, b, c)", "(a, c)") == (
        "    keys  want  (a, b, c)\n                    ^^\n          have  (a, c)"
    )


def test_each_line_of_a_text_has_its_own_marks() -> None:
    assert shown("a\nb", "x\nb\ny") == (
        "    keys  want  a\n"
        "                b\n"
        "          have  x\n"
        "                ^\n"
        "                b\n"
        "                y\n"
        "                ^"
    )


def test_nothing_is_said_in_words() -> None:
    assert shown("", "x") == "    keys  want  (nothing)\n          have  x\n                ^"


def test_marks_stand_under_wide_characters_and_tabs() -> None:
    assert marks_under("日本\tx", [(1, 2), (3, 4)]) == "  ^^\t^"


@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_a_text_of_any_length_is_compared(length: int) -> None:
    same = "a " * length
    assert differing(f"{same}b {same}", f"{same}cc {same}") == ((), ((length * 2, length * 2 + 2),))
    assert differing(f"{same}b {same}", same + same) == (((length * 2, length * 2 + 1),), ())
    assert differing(same, same) == ((), ())


@given(st.text(), st.text())
def test_spans_are_in_order_and_in_the_text(want: str, have: str) -> None:
    missing, surplus = differing(want, have)
    for text, spans in ((want, missing), (have, surplus)):
        ends = [end for span in spans for end in span]
        assert ends == sorted(ends)
        assert all(0 <= begin < end <= len(text) for begin, end in spans)
    assert (want == have) is not bool(missing or surplus)
