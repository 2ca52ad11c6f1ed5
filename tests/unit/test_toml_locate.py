"""Lines and columns of TOML keys and values."""

import pytest

from kc_db.toml.locate import Place, Position, element_lines, nearest, places

TEXT = """\
top = 1
[a.b]
"quoted key" = "ä", # é
x.y = { min = 1, "m a x" = { deep = 2 } }
[a.c]  # ä
    indented = -3
[[list]]
n = 1
['single'.d]
"\\u00e4" = 1
  [a."é".f]
  g = 2
""".replace('"ä", #', '"ä" #')


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("top",), (1, 1), (1, 7)),
        (("a",), (2, 2), (2, 2)),
        (("a", "b"), (2, 4), (2, 4)),
        (("a", "b", "quoted key"), (3, 1), (3, 16)),
        (("a", "b", "x"), (4, 1), (4, 7)),
        (("a", "b", "x", "y"), (4, 3), (4, 7)),
        (("a", "b", "x", "y", "min"), (4, 9), (4, 15)),
        (("a", "b", "x", "y", "m a x", "deep"), (4, 30), (4, 37)),
        (("a", "c", "indented"), (6, 5), (6, 16)),
        (("list",), (7, 3), (7, 3)),
        (("list", "n"), (8, 1), (8, 5)),
        (("single", "d", "ä"), (10, 1), (10, 12)),
        (("a", "é"), (11, 6), (11, 6)),
        (("a", "é", "f"), (11, 10), (11, 10)),
    ],
)
def test_places(path: tuple[str, ...], key: tuple[int, int], value: tuple[int, int]) -> None:
    assert places(TEXT)[path] == Place(Position(*key), Position(*value))


def test_columns_count_characters() -> None:
    assert places('"é" = { a = "ü", b = 1 }')["é", "b"].value == Position(1, 22)


def test_the_nearest_table_stands_in_for_what_is_not_written() -> None:
    found = places(TEXT)
    assert nearest(found, ("a", "c", "missing", "more")) == found["a", "c"]
    assert nearest(found, ("nowhere",)) is None
    assert nearest(found, ()) is None


def test_each_element_of_an_array_of_tables_has_its_place() -> None:
    found = places("[[a]]\nx = 1\n\n[b]\n[[a]]\nx = 2\n[[c.d]]\n")
    assert [found["a", number].key for number in "01"] == [Position(1, 3), Position(5, 3)]
    assert [found["a", number, "x"].value for number in "01"] == [Position(2, 5), Position(6, 5)]
    assert found["c", "d", "0"].key == Position(7, 3)
    assert found["a", "x"].value == Position(2, 5)


def test_the_lines_of_an_array_of_tables() -> None:
    text = '[[a]]\nx = """\n[[a]]\n"""\n\n[[ \'a\' ]]\n[[b]]\n[[a.b]]\n[a.c]\n'
    assert element_lines(text, "a") == [1, 6]
    assert element_lines("a = [{}]\n", "a") == []
