"""Pools in JavaScript and TypeScript: one snippet for each form, then whole folders, then anything at all."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._javascript.places import Pool
from kc_db.budget.sources._javascript.pools import pools_in
from kc_db.budget.sources.javascript import read
from kc_db.errors import InputError

DATA = Path(__file__).parents[1] / "data" / "sources" / "javascript"
SNIPPETS = sorted((DATA / "snippets").iterdir())
PRISMA = "Prisma's own limit, unless its URL says connection_limit"
SUFFIXES = (".ts", ".tsx", ".js", ".mjs")


def readings(folder: Path | str, service: str | None = None) -> list[Reading]:
    return list(read(SourceTable(kind="javascript", file=str(folder), service=service)))


def value(pool: Pool) -> str:
    match pool.size:
        case Unknown(why):
            return f"? {why}"
        case None:
            return "driver"
    return str(pool.size)


def matches(pool: Pool, expected: str) -> bool:
    """`name size`, `name size note`, or `name ? why`."""
    plain = f"{pool.name or '-'} {value(pool)}"
    return expected == plain or expected in {f"{plain} {note}" for note in pool.notes}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_snippet(snippet: Path) -> None:
    text = snippet.read_text(encoding="utf-8")
    expected = [line[4:] for line in text.splitlines() if line.startswith("//: ")]
    found = pools_in(text, snippet.suffix)
    described = [f"{pool.name or '-'} {value(pool)} {pool.notes}" for pool in found]
    assert len(found) == len(expected), described
    assert all(map(matches, found, expected)), described
    assert "hunter2" not in repr(found)


def test_a_monorepo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    described = [(".".join(reading.path), reading.value, reading.origin) for reading in readings("monorepo")]
    db = "monorepo/services"
    assert described == [
        (
            "services.booking.pools.readPool.pool_size",
            5,
            f"{db}/booking/src/db.ts:3: new Pool({{ max }})",
        ),
        (
            "services.booking.pools.writePool.pool_size",
            Unknown("max comes from the environment variable DB_POOL_MAX (10 if unset)"),
            f"{db}/booking/src/db.ts:4: new Pool({{ max }})",
        ),
        (
            "services.booking.pools.client.pool_size",
            Unknown("new Client( runs in function listen, and nothing tells how often"),
            f"{db}/booking/src/listen.ts:4: new Client(); in function listen; one connection, not a pool",
        ),
        (
            "services.booking.pools.readPool-2.pool_size",
            10,
            f"{db}/booking/src/reports.js:2: new Pool(); no max: node-postgres' default",
        ),
        (
            "services.payment.pool_size",
            8,
            f"{db}/payment/src/db/index.ts:5: new Pool({{ max }})",
        ),
        (
            "services.student.driver",
            "prisma",
            f"{db}/student/src/prisma.ts:3: new PrismaClient(); {PRISMA}",
        ),
        (
            "services.cache-worker.pool_size",
            2,
            "monorepo/workers/cache-worker/index.mjs:2: new pg.Pool({ max })",
        ),
    ]


def test_one_service_and_an_absolute_folder() -> None:
    (reading,) = readings(DATA / "monorepo" / "services" / "payment", service="pay")
    assert (reading.path, reading.value) == (("services", "pay", "pool_size"), 8)


def test_names_a_budget_can_hold(tmp_path: Path) -> None:
    (tmp_path / "ümlaut.js").write_text(
        "const {Pool} = require('pg'); new Pool(); exports['a b'] = new Pool()"
    )
    (tmp_path / "schön.js").write_text(
        "const {Pool} = require('pg'); class A { #größe$ = new Pool() }; new Pool()"
    )
    names = [reading.path[3] for reading in readings(tmp_path, service="a")]
    assert names == ["gr_e", "sch_n", "mlaut", "exports"]


@pytest.mark.parametrize("mark", ["utf-16", "utf-8-sig", "utf-8"])
def test_encodings(tmp_path: Path, mark: str) -> None:
    (tmp_path / "db.ts").write_bytes("import {Pool} from 'pg'; const é = new Pool({max: 3})".encode(mark))
    (tmp_path / "latin.js").write_bytes(
        b"// caf\xe9\nconst {Pool} = require('pg')\nconst x = new Pool({max: 4}) //\xff\x00"
    )
    assert [reading.value for reading in readings(tmp_path, service="a")] == [3, 4]


def test_a_large_file_is_not_read_and_not_forgotten(tmp_path: Path) -> None:
    padding = "/* minified */;" * 80_000
    (tmp_path / "bundle.js").write_text(f"const {{Pool}}=require('pg');\n{padding}new Pool({{max:5}})")
    (tmp_path / "other.js").write_text(padding)
    (reading,) = readings(tmp_path, service="a")
    assert reading.value == Unknown("the file is larger than 1 MB and mentions new Pool(")
    assert reading.origin.endswith("bundle.js:2: new Pool(...)")


def test_what_is_passed_over(tmp_path: Path) -> None:
    text = "const {Pool} = require('pg'); const pool = new Pool()"
    passed = [
        "node_modules/a/i.js",
        "dist/i.js",
        "build/i.js",
        ".next/i.js",
        "coverage/i.js",
        "__tests__/i.js",
    ]
    for name in [*passed, "a.test.ts", "a.spec.tsx", "a.d.ts", "a.json", "tests/i.js"]:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    os.mkfifo(tmp_path / "pipe.js")
    (tmp_path / "nowhere.js").symlink_to("missing.js")
    assert readings(tmp_path, service="a") == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, 'a source of kind "javascript" needs file: the folder of the services, or of one service'),
        ({"file": "gone"}, "gone: no such folder; name the folder of the services, or of one service"),
        ({"file": "a.js"}, "a.js: is no folder; name the folder of the services, or of one service"),
        (
            {"file": "one"},
            'one: the folder is one package, and nothing says which service; add service = "<name>"',
        ),
    ],
)
def test_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.js").touch()
    Path("one/src").mkdir(parents=True)
    Path("one/package.json").touch()
    with pytest.raises(InputError) as caught:
        list(read(SourceTable(kind="javascript", **table)))  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_large_tree(tmp_path: Path) -> None:
    texts = [snippet.read_text(encoding="utf-8") for snippet in SNIPPETS]
    for number in range(500):
        folder = tmp_path / "services" / f"s{number % 12}" / "src" / f"m{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}{SNIPPETS[number % len(texts)].suffix}").write_text(texts[number % len(texts)])
    found = readings(tmp_path)
    assert len({reading.path[1] for reading in found}) == 12
    assert len({reading.path for reading in found}) == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "import {Pool} from 'pg'; new Pool({max: " + "(" * 5000 + "1" + ")" * 5000 + "})",
        "import {Pool} from 'pg'; new Pool({max: " + "1+" * 5000 + "1})",
        "import {Pool} from 'pg'; " + "new Pool(" * 3000,
        "import {Pool} from 'pg'; const a = b, b = a; new Pool({max: a, ...a}); new a.Pool()",
        "import {Pool} from 'pg'; const a = {...a, max: a.max}; new Pool(a)",
        "import {Pool} from 'pg'; const " + "{a:" * 3000 + "b" + "}" * 3000 + " = c; new Pool()",
        "import {Pool} from 'pg'; const x = pg" + ".Pool" * 5000 + "; new x()",
        "const {Pool} = require('pg'); new Pool({max: 1 / 0, a: 5 % 0}); new Pool({max: 1e400})",
        "const {Pool} = require('pg'); new Pool({max: 0x}); new Pool({max: '9'.repeat(9)}); new Pool(\ud800)",
        "const {Pool} = require('pg'); new Pool({max: " + "9" * 5000 + "}); new Pool({max: '1_0 '})",
        "import from 'pg'; import {} from; require(); import(); new Pool; new (require('pg').Pool)",
    ],
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_a_traceback(text: str, suffix: str) -> None:
    pools_in(text, suffix)


WORDS = """
const = new Pool( { max: process.env.X ?? || 10 ) } ... a require('pg') .Pool class extends PrismaClient `${
}` ( => for ; , ? : knex postgres await as any ! [ ] ' " /* é \0 import
"""
PIECES = st.sampled_from(WORDS.split())


@settings(deadline=None)
@given(text=st.one_of(st.text(), st.lists(PIECES).map(" ".join)), suffix=st.sampled_from(SUFFIXES))
def test_any_text(text: str, suffix: str) -> None:
    for pool in pools_in(f"import {{ Pool }} from 'pg'\n{text}", suffix):
        assert pool.size is None or isinstance(pool.size, int | Unknown)


@settings(deadline=None)
@given(data=st.data())
def test_mutated_snippets(data: st.DataObject) -> None:
    snippet = data.draw(st.sampled_from(SNIPPETS))
    text = snippet.read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    mutated = text[:start] + data.draw(st.one_of(PIECES, st.text(max_size=5))) + text[end:]
    assert all(pool.line >= 1 for pool in pools_in(mutated, snippet.suffix))
