"""Spec files: what they say, and one clear line for whatever else stands in them."""

from pathlib import Path

import pytest

from kc_db.errors import InputError, NothingToCheckError
from kc_db.indexes.load_specs import load_specs
from tests.indexes import RULE_NAMES, make_specs, write_specs

GOOD = "CREATE INDEX t_a_idx ON t (a);"


def complaint(folder: Path, **tables: str) -> str:
    with pytest.raises(InputError) as caught:
        make_specs(folder / "specs", **tables)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder / 'specs'}/", "")


def test_everything_that_a_file_says(tmp_path: Path) -> None:
    text = """\
-- A general remark on the file, set off by an empty line.

/* A block comment is nobody's purpose. */
-- Finds an A
-- by its B.
-- kc: allow misnamed-index -- the DBA called it so
CREATE INDEX t_a_b_idx
    ON t (a, b); -- not the purpose of the next

PREPARE find_a (int) AS
SELECT * FROM t WHERE a = $1;
-- The other way round.
-- kc: allow duplicate-index -- until June

CREATE UNIQUE INDEX t_b_key ON t (b);
"""
    first, second = make_specs(tmp_path / "specs", t=text)
    assert (first.purpose, first.line) == ("Finds an A by its B.", 7)
    assert [(a.rule, a.reason, a.line) for a in first.allowances] == [
        ("misnamed-index", "the DBA called it so", 6)
    ]
    assert [(q.name, q.line, q.text) for q in first.queries] == [
        ("find_a", 10, "PREPARE find_a (int) AS\nSELECT * FROM t WHERE a = $1")
    ]
    assert (second.purpose, second.line, second.queries) == ("", 15, ())
    assert [a.rule for a in second.allowances] == ["duplicate-index"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte-order mark"])
def test_windows_files(tmp_path: Path, newline: str, mark: str) -> None:
    text = newline.join(
        ["-- Finds é.", "CREATE INDEX t_é_idx ON t (é);", "", "-- B.", "CREATE INDEX b ON t (b);"]
    )
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "t.sql").write_bytes((mark + text).encode())
    specs = load_specs(folder, RULE_NAMES)
    assert [(spec.purpose, spec.line) for spec in specs] == [("Finds é.", 2), ("B.", 5)]


def test_nested_comments_and_two_statements_on_a_line(tmp_path: Path) -> None:
    text = "/* a /* b */ c */ CREATE INDEX i ON t (a); /* é */ CREATE INDEX j ON t ((a + 1));;\n-- end"
    assert [(spec.definition.name, spec.line) for spec in make_specs(tmp_path / "specs", t=text)] == [
        ("i", 1),
        ("j", 1),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE INDEX i ON t (a;", '1:23: syntax error at or near ";"; correct the SQL'),
        ("-- é\nCREATE INDEX é ON t (é) FOO;", '2:25: syntax error at or near "FOO"; correct the SQL'),
        ("CREATE INDEX i ON t (a", "1:23: syntax error at end of input; correct the SQL"),
        ("CREATE INDEX i ON t (a);\n'", '2:1: unterminated quoted string at or near "\'"; correct the SQL'),
        (
            f"{GOOD}\n\n  DROP TABLE t;",
            "3:3: a spec file holds CREATE INDEX and PREPARE statements and comments only; take this out",
        ),
        (
            "-- x\n PREPARE q AS SELECT 1;",
            "2:2: a PREPARE stands below the index that serves it, and there is none above this one",
        ),
        (
            "CREATE INDEX ON t (a);",
            "1:1: this index has no name; give it one, so that it can be found and repaired",
        ),
        (
            "CREATE INDEX i ON t (a) TABLESPACE fast;",
            "1:1: kc-db doesn't compare tablespaces; take TABLESPACE out",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON t (a);",
            "1:1: a spec says what must exist, not how: take CONCURRENTLY and IF NOT EXISTS out",
        ),
        (
            "CREATE INDEX IF NOT EXISTS i ON t (a);",
            "1:1: a spec says what must exist, not how: take CONCURRENTLY and IF NOT EXISTS out",
        ),
        ("CREATE INDEX i ON ONLY t (a);", "1:1: a spec is for a table with its partitions; take ONLY out"),
        (
            f"{GOOD}\nCREATE INDEX i ON other (a);",
            "2:1: this index is on 'other': it belongs into other.sql",
        ),
        (
            "CREATE INDEX i ON t (a) INCLUDE (b DESC);",
            "1:1: INCLUDE takes columns without order, collation or operator class",
        ),
        (
            "CREATE INDEX i ON t (a) INCLUDE ((b + 1));",
            "1:1: INCLUDE takes columns without order, collation or operator class",
        ),
        (f"{GOOD}\n{GOOD}", "2: index 't_a_idx' is here twice, first in t.sql:1"),
        (
            f"{GOOD}\nPREPARE q AS SELECT 1;\nPREPARE q AS SELECT 2;",
            "3: query 'q' is here twice, first in t.sql:2; rename one",
        ),
        (
            f"-- kc: allow misnamed-index\n{GOOD}",
            "1:1: an allowance needs its reason: -- kc: allow <rule> -- <reason>",
        ),
        (
            f"  -- kc: allow misnamed-index --  \n{GOOD}",
            "1:3: an allowance needs its reason: -- kc: allow <rule> -- <reason>",
        ),
        (
            f"-- kc: allow wrong -- because\n{GOOD}",
            f"1:1: there is no rule 'wrong'; the rules are {', '.join(RULE_NAMES)}",
        ),
        (
            f"-- kc: ignore misnamed-index -- because\n{GOOD}",
            "1:1: this remark isn't understood; it has the form -- kc: allow <rule> -- <reason>",
        ),
        (
            f"-- kc: allow -- because\n{GOOD}",
            "1:1: this remark isn't understood; it has the form -- kc: allow <rule> -- <reason>",
        ),
        *(
            (text, f"{place}: an allowance stands above the index that it is for; move it there")
            for place, text in {
                "2:1": f"{GOOD}\n-- kc: allow misnamed-index -- because",
                "1:33": f"{GOOD}  -- kc: allow misnamed-index -- because\n-- x",
                "2:2": f"{GOOD}\n -- kc: allow misnamed-index -- because\nPREPARE q AS SELECT 1;",
                "2:7": "CREATE INDEX é\n ON é -- kc: allow misnamed-index -- because\n(a);",
                "1:25": "CREATE INDEX i ON t (a) -- kc: allow misnamed-index -- because\n;",
                "3:1": f"{GOOD}\nPREPARE q AS SELECT\n-- kc: allow misnamed-index -- because\n1;",
            }.items()
        ),
        ("CREATE INDEX i ON t (a);\n\0 DROP TABLE t", "2:1: this is a NUL byte; save the file as UTF-8"),
    ],
)
def test_what_is_wrong_in_a_file(tmp_path: Path, text: str, expected: str) -> None:
    assert complaint(tmp_path, t=text) == f"t.sql:{expected}"


def test_not_utf8(tmp_path: Path) -> None:
    folder = write_specs(tmp_path / "specs")
    (folder / "t.sql").write_bytes("-- é\n-- é".encode() + "ü".encode("latin-1") + f"\n{GOOD}".encode())
    with pytest.raises(InputError, match=r"t\.sql:2:5: this isn't UTF-8; save the file as UTF-8$"):
        load_specs(folder, RULE_NAMES)


def test_a_table_in_two_files(tmp_path: Path) -> None:
    files = {"public.t": "CREATE INDEX i ON public.t (a);", "t": "\nCREATE INDEX j ON public.t (a);"}
    assert complaint(tmp_path, **files) == (
        "t.sql:2: table 'public.t' has specs in two files, first in public.t.sql:1; put them into one"
    )


def test_an_index_name_in_two_files(tmp_path: Path) -> None:
    assert complaint(tmp_path, t="CREATE INDEX i ON t (a);", u="CREATE INDEX i ON u (a);") == (
        "u.sql:1: index 'i' is here twice, first in t.sql:1"
    )


def test_a_query_name_in_two_files(tmp_path: Path) -> None:
    query = "\nPREPARE q AS SELECT 1;"
    files = {"t": f"CREATE INDEX i ON t (a);{query}", "u": f"CREATE INDEX j ON u (a);{query}"}
    assert complaint(tmp_path, **files) == "u.sql:2: query 'q' is here twice, first in t.sql:2; rename one"


def test_a_name_in_two_schemas_is_two_names(tmp_path: Path) -> None:
    files = {"t": "CREATE INDEX i ON t (a);", "x.t": "CREATE INDEX i ON x.t (a);"}
    assert len(make_specs(tmp_path / "specs", **files)) == 2


def test_names_that_need_quotes(tmp_path: Path) -> None:
    files = {
        "Mixed Case": 'CREATE INDEX "I" ON "Mixed Case" ("select");',
        "a.b": 'CREATE INDEX i ON "a.b" (c);',
    }
    names = [str(spec.definition.table.name) for spec in make_specs(tmp_path / "specs", **files)]
    assert names == ["Mixed Case", "a.b"]


@pytest.mark.parametrize("files", [{}, {"t": ""}, {"t": "-- nothing yet\n/* at all */;;\n"}])
def test_nothing_to_check(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(NothingToCheckError, match=r"no index spec found in .*; write CREATE INDEX"):
        make_specs(tmp_path / "specs", **files)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder of specs .*; name it with --specs"):
        load_specs(tmp_path / "specs", RULE_NAMES)


def test_a_folder_in_a_files_place(tmp_path: Path) -> None:
    (tmp_path / "specs" / "t.sql").mkdir(parents=True)
    with pytest.raises(InputError, match=r"t\.sql: can't be read: Is a directory"):
        load_specs(tmp_path / "specs", RULE_NAMES)
