"""Makes docs/comparison.md: what kc-db, Alembic's autogenerate and migra say of the same indexes.

`make comparison` runs it. Every case is a schema of two databases on a real server: one has the index as
it is wanted, one as it is. migra is installed into an environment of its own under .kc-db/.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import venv
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from comparison_cases import CHANGES, SAME, TABLE, Case

from kc_db.embedded import running

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "comparison.md"
REQUIREMENTS = ROOT / "requirements-migra.txt"
WORK = Path(".kc-db")
TOOLS = ("kc-db", "Alembic", "migra")
CASES = {f"case_{number:02}": case for number, case in enumerate((*CHANGES, *SAME), start=1)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a tool says of a case.

    Attributes:
        found: whether it reports anything; None if it says that it can't tell.
        words: what it reports.
    """

    found: bool | None
    words: str = ""


Verdicts = Mapping[str, Verdict]


def main() -> None:
    """Runs all three tools and writes the page."""
    migra = migra_python()
    with running(WORK / "comparison") as conninfo:
        parts = psycopg.conninfo.conninfo_to_dict(conninfo)
        host = quote(str(parts["host"]), safe="")
        urls = {
            name: f"postgresql://{parts['user']}@/{name}?host={host}&port={parts['port']}"
            for name in ("wanted", "live")
        }
        for name, url in urls.items():
            make_database(conninfo, name, url)
        sides = (kc_db_side(urls["live"]), alembic_side(urls["live"]), migra_side(migra, urls))
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(dict(zip(TOOLS, sides, strict=True)), versions(migra, urls["live"])))
    print(PAGE.relative_to(ROOT))


def migra_python() -> Path:
    """The Python of migra's own environment; made anew when its requirements have changed."""
    pinned = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    folder = WORK / "migra"
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    if not stamp.exists() or stamp.read_text() != pinned:
        venv.create(folder, clear=True, with_pip=True)
        words = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes"]
        subprocess.run([python, *words, "--requirement", REQUIREMENTS], check=True)
        stamp.write_text(pinned)
    return python


def statement(rest: str, table: str = "t") -> str:
    """CREATE INDEX of what follows ON t."""
    unique, rest = ("UNIQUE ", rest.removeprefix("UNIQUE ")) if rest.startswith("UNIQUE ") else ("", rest)
    return f"CREATE {unique}INDEX i ON {table} {rest}"


def make_database(conninfo: str, name: str, url: str) -> None:
    """A database with a schema for each case, as wanted or as live."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    with psycopg.connect(url, autocommit=True) as connection:
        for schema, case in CASES.items():
            text = case.wanted if name == "wanted" else case.live
            script = text if ";" in text else statement(text) if text else ""
            setup = f"CREATE SCHEMA {schema}; SET search_path = {schema}; {TABLE}"
            for one in (setup, *filter(str.strip, script.split(";"))):
                try:
                    connection.execute(one.encode())
                except psycopg.errors.UniqueViolation:
                    continue  # what leaves an invalid index behind


def kc_db_side(url: str) -> Verdicts:
    """What `kc-db verify-indexes` says, with each case's wanted index as a spec."""
    found: dict[str, list[str]] = {}
    undecided = set()
    with tempfile.TemporaryDirectory() as folder:
        for schema, case in CASES.items():
            spec = Path(folder) / f"{schema}.t.sql"
            spec.write_text(f"{statement(case.wanted, f'{schema}.t')};\n")
        kc_db = str(Path(sys.executable).parent / "kc-db")
        command = [kc_db, "verify-indexes", "--specs", folder, "--format", "json", "--database-url", url]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    for finding in json.loads(done.stdout)["findings"]:
        schema = finding["where"].split(".")[0]
        if finding["severity"] == "undetermined":
            undecided.add(schema)
        elif finding["severity"] != "information":
            _, differs, attributes = finding["message"].partition(" differs from its spec in ")
            found.setdefault(schema, []).append(attributes if differs else finding["rule"])
    return {
        schema: Verdict(True, "; ".join(found[schema]))
        if schema in found
        else Verdict(None if schema in undecided else False)
        for schema in CASES
    }


def alembic_side(url: str) -> Verdicts:
    """What `alembic revision --autogenerate` would write, with each case's wanted index in the models."""
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {schema: alembic_verdict(connection, schema, case) for schema, case in CASES.items()}


def alembic_verdict(connection: sa.Connection, schema: str, case: Case) -> Verdict:
    """What it says of one case; its table's columns are reflected, so that they don't differ."""
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, autoload_with=connection, schema=schema)
    table.indexes.clear()
    for constraint in [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]:
        table.constraints.remove(constraint)
    index = case.model(table)
    if index.table is None:  # of text alone; as if it stood within Table(...)
        index._set_parent_with_dispatch(table)  # noqa: SLF001

    def in_schema(name: str | None, kind: str, _: object) -> bool:
        return kind != "schema" or name == schema

    options = {"include_schemas": True, "include_name": in_schema}
    changes = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    words = [str(change[0]).replace("_", " ") for change in changes]
    return Verdict(bool(words), " + ".join(words))


def migra_side(python: Path, urls: Mapping[str, str]) -> Verdicts:
    """What migra would run to make live wanted."""
    asked = json.dumps({**urls, "schemas": list(CASES)})
    done = subprocess.run(
        [python, "-W", "ignore", ROOT / "scripts" / "migra_side.py"],
        input=asked,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout)
    return {schema: migra_verdict(answers[schema]) for schema in CASES}


def migra_verdict(answer: str) -> Verdict:
    """The kinds of its statements."""
    if answer.startswith("error: "):
        return Verdict(None, answer)
    kinds = re.findall(r"^(drop|create)\b", answer, re.IGNORECASE | re.MULTILINE)
    return Verdict(bool(kinds), " + ".join(f"{kind} index" for kind in map(str.lower, kinds)))


def versions(migra: Path, url: str) -> str:
    """Which versions said this."""
    with psycopg.connect(url) as connection:
        server = connection.info.parameter_status("server_version")
    script = "from importlib.metadata import version; print(version('migra'))"
    migras = subprocess.run(
        [migra, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    return (
        f"kc-db {version('kc-db')}, Alembic {version('alembic')} with SQLAlchemy {version('sqlalchemy')}, "
        f"migra {migras}; PostgreSQL {server}"
    )


def page(said: Mapping[str, Verdicts], by: str) -> str:
    """The whole page."""
    schemas = list(CASES)
    changes, same = schemas[: len(CHANGES)], schemas[len(CHANGES) :]
    return f"""# What kc-db, Alembic and migra find

Made by `make comparison` from real runs; don't edit it. {by}.

Every case is a table with one index, as it is wanted and as it is in the database. kc-db gets the wanted
index as a spec, Alembic as a SQLAlchemy model (`compare_metadata`, which is what
`alembic revision --autogenerate` writes down), migra as a second database. A tool should report each of the
{len(changes)} changes, and none of the {len(same)} cases in which nothing has changed but the words.

{totals(said, changes, same)}

## Changes

✓ and what the tool reports; ✗ where it reports nothing; ? where it says that it can't tell.

{cases(said, changes, wrong=False)}

## Not changed

✓ where the tool is silent; ✗ and what it would do about nothing; ? where it says that it can't tell.

{cases(said, same, wrong=True)}
"""


def totals(said: Mapping[str, Verdicts], changes: Sequence[str], same: Sequence[str]) -> str:
    """The figures that most readers came for."""

    def count(schemas: Sequence[str], *, found: bool | None) -> list[str]:
        return [str(sum(verdicts[one].found is found for one in schemas)) for verdicts in said.values()]

    rows = {
        f"changes found, of {len(changes)}": count(changes, found=True),
        "changes missed": count(changes, found=False),
        f"reported although the same, of {len(same)}": count(same, found=True),
        "undetermined": count([*changes, *same], found=None),
    }
    head = ["| | " + " | ".join(said) + " |", "|---|" + "--:|" * len(said)]
    return "\n".join([*head, *(f"| {name} | {' | '.join(figures)} |" for name, figures in rows.items())])


def cases(said: Mapping[str, Verdicts], schemas: Sequence[str], *, wrong: bool) -> str:
    """A row for each case; `wrong` says whether a report is a mistake."""
    lines = ["| | wanted | live | " + " | ".join(said) + " |", "|---|---|---|" + "---|" * len(said)]
    for schema in schemas:
        case = CASES[schema]
        cells = [cell(verdicts[schema], wrong=wrong) for verdicts in said.values()]
        lines.append(f"| {case.title} | {code(case.wanted)} | {code(case.live)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(verdict: Verdict, *, wrong: bool) -> str:
    """A verdict on a case."""
    if verdict.found is None:
        return "?"
    mark = "✓" if verdict.found is not wrong else "✗"
    words = " ".join(verdict.words.split()).replace("|", "\\|")
    return f"{mark} {words}".rstrip()


def code(text: str) -> str:
    """SQL for a table's cell."""
    return f"`{text.rstrip(';')}`".replace("|", "\\|") if text else "none"


if __name__ == "__main__":
    main()
