"""`kc-db check-pool-budget` as a user sees it: the whole output and the exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "pool_budget.toml"
SMALL = """\
[databases.primary]
max_connections = 43
[services.booking]
pool_size = 10
instances = 1
[services.payment]
pool_size = 5
instances = 1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment that names no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT", "CORRELATION_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kc_db.cli import main; main()", "check-pool-budget", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def outcome(*arguments: str | Path) -> tuple[int, str, str]:
    done = run(*arguments)
    return done.returncode, done.stdout, done.stderr


def test_a_fleet_that_fits() -> None:
    Path("pool_budget.toml").write_text(SMALL)
    expected = """\
        What the databases grant
        limits from  max_connections  reserved  kept free  usable
        -----------  ---------------  --------  ---------  ------
        the file                  43         3          0      40

        What the fleet takes
        scenario                       demand  usable   used  verdict    made of
        -----------------------------  ------  ------  -----  ---------  -----------------------------------------------------------------------------------
        steady state                       15      40   38 %  fits       2 services 15
        scaled out                         15      40   38 %  fits       2 services 15
        deploy, one service at a time      25      40   63 %  fits       scaled out + new tasks of booking 10
        deploy, all 2 at once              30      40   75 %  fits       scaled out + new tasks of 2 services 15
        blue/green of all                  30      40   75 %  would fit  scaled out + a second full set 15
        second deploy while draining       40      40  100 %  fits       scaled out + new or draining tasks of 2 services 15 + a second deploy of booking 10
        migration                          15      40   38 %  fits       services scaled out 15

        Who takes how much
        who           made of                       steady  adds  of the limit
        ------------  ----------------------------  ------  ----  -----------------------------------------
        booking       1 x 10                            10    10  ██████████▒▒▒▒▒▒▒▒▒▒                    │
        payment       1 x 5                              5     5  █████▒▒▒▒▒                              │
        worst minute  second deploy while draining      15    25  ███████████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│

        check-pool-budget (pool_budget.toml): fits: 40 of 40 usable connections (100 %) in the worst minute of a deploy
        """  # noqa: E501 - the output is that wide
    assert outcome() == (0, dedent(expected), "")


def test_a_fleet_that_does_not() -> None:
    Path("fleet.toml").write_text(SMALL.replace("43", "42"))
    code, out, err = outcome("fleet.toml")
    expected = """\
        error over-budget: database primary
            second deploy while draining: 40 connections are needed and 39 are usable, 1 too many; most are taken by booking 10, payment 5
            stated in: fleet.toml:1
            mend it with:
                either deploy at most 1 at once (2 at once do not fit):
                  [policy]
                  deploys_at_once = 1
                or lower one pool, booking, from 10 to 9 (10 does not fit):
                  [services.booking]
                  pool_size = 9
                or raise max_connections from 42 to 43 (42 does not fit), on the server (it restarts, and needs the memory) and here:
                  [databases.primary]
                  max_connections = 43

        check-pool-budget (fleet.toml): does not fit: 40 of 39 usable connections (103 %) in the worst minute of a deploy
        """  # noqa: E501 - the output is that wide
    assert (code, out[out.index("error over-budget") :], err) == (1, dedent(expected), "")


def test_the_project_sets_severities() -> None:
    Path("fleet.toml").write_text(SMALL.replace("43", "42"))
    Path("pyproject.toml").write_text('[tool.kc-db.severity]\nover-budget = "warning"\n')
    code, out, _ = outcome("fleet.toml")
    assert (code, "warning over-budget: database primary" in out) == (0, True)
    Path("pyproject.toml").write_text('[tool.kc-db.severity]\nover-budget = "of"\n')
    assert outcome("fleet.toml")[0] == 2


def test_columns_name_what_differs() -> None:
    Path("pool_budget.toml").write_text(
        "[databases.main]\nmax_connections = 30\n[databases.replica]\nmax_connections = 20\n"
        "[services.x]\npool_size = 1\ninstances = 1\ndatabase = 'main'\n"
        "[environments.production]\n[environments.development]\n"
    )
    first = {}
    for arguments in ((), ("--environment", "production")):
        lines = run(*arguments).stdout.splitlines()
        first[arguments] = [line.split() for line in (lines[1], lines[3], lines[4])]
    assert first == {
        (): [
            [
                "environment",
                "database",
                "limits",
                "from",
                "max_connections",
                "reserved",
                "kept",
                "free",
                "usable",
            ],
            ["production", "main", "the", "file", "30", "3", "0", "27"],
            ["production", "replica", "the", "file", "20", "3", "0", "17"],
        ],
        ("--environment", "production"): [
            ["database", "limits", "from", "max_connections", "reserved", "kept", "free", "usable"],
            ["main", "the", "file", "30", "3", "0", "27"],
            ["replica", "the", "file", "20", "3", "0", "17"],
        ],
    }


def test_the_shipped_file_fits_in_every_environment() -> None:
    code, out, err = outcome(SHIPPED, "--format", "json")
    summary = json.loads(out)["summary"]
    found = [
        (s["environment"], s["scenario"], s["demand_connections"], s["usable_connections"], s["enforced"])
        for s in summary["scenarios"]
    ]
    assert found == [
        ("production", "steady", 150, 175, True),
        ("production", "scaled-out", 150, 175, True),
        ("production", "deploy-1", 160, 175, True),
        ("production", "deploy-all", 290, 175, False),
        ("production", "blue-green-all", 290, 175, False),
        ("production", "second-deploy", 170, 175, True),
        ("production", "migration", 150, 175, True),
        ("development", "steady", 290, 355, True),
        ("development", "scaled-out", 290, 355, True),
        ("development", "deploy-1", 310, 355, True),
        ("development", "deploy-all", 570, 355, False),
        ("development", "blue-green-all", 570, 355, False),
        ("development", "second-deploy", 330, 355, True),
        ("development", "migration", 290, 355, True),
    ]
    assert (code, err) == (0, "")


def test_the_shipped_file_is_the_fleet_of_the_design() -> None:
    services = json.loads(run(SHIPPED, "--environment", "production", "--format", "json").stdout)["summary"][
        "services"
    ]
    pools = [(s["kind"], s["pool_size"], s["instances"]) for s in services]
    assert [pools.count(kind) for kind in (("services", 10, 1), ("services", 0, 1), ("workers", 10, 1))] == [
        10,
        2,
        4,
    ]
    assert [s["name"] for s in services if not s["pool_size"]] == ["api-gateway", "chat"]


@pytest.mark.parametrize("how", ["by option", "by editing the default"])
def test_two_instances_of_each_do_not_fit(how: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    edited = text.replace("\ninstances = 1 ", "\ninstances = 2 ")
    assert edited != text
    Path("pool_budget.toml").write_text(text if how == "by option" else edited, encoding="utf-8")
    options = ["--set", "*.instances=2"] if how == "by option" else []
    code, out, _ = outcome("--environment", "production", *options)
    assert code == 1
    assert "330 connections are needed and 175 are usable, 155 too many" in out
    assert "either lower every pool to 5 at most (6 does not fit):\n" in out
    assert "or raise max_connections from 200 to 372 (371 does not fit)" in out
    remedies = {
        "*.pool_size=5": 0,
        "*.pool_size=6": 1,
        "primary.max_connections=372": 0,
        "primary.max_connections=371": 1,
    }
    for change, expected in remedies.items():
        assert run("--environment", "production", *options, "--set", change).returncode == expected


def test_json_is_complete() -> None:
    Path("pool_budget.toml").write_text(SMALL)
    done = run("--format", "json", "--correlation-id", "abc", "--set", "payment.instances=2")
    report = json.loads(done.stdout)
    assert report["command"] == "check-pool-budget"
    assert report["target"] == "pool_budget.toml, payment.instances=2"
    assert report["summary"]["databases"] == [
        {
            "environment": None,
            "database": "primary",
            "source": "declared",
            "max_connections": 43,
            "superuser_reserved_connections": 3,
            "reserved_connections": 0,
            "vendor_reserved_connections": 0,
            "superuser_sessions": 0,
            "declared": {"max_connections": 43},
            "live": {},
            "origins": {},
            "unknown": "",
            "replica_of": None,
            "headroom_percent": 0,
            "headroom_connections": 0,
            "usable_connections": 40,
            "fixed_sessions": {},
            "migration_sessions": {},
            "deploys_at_once": 2,
            "fits": False,
            "verdict": "does not fit",
        }
    ]
    assert [finding["rule"] for finding in report["findings"]] == ["over-budget"]
    assert [(s["name"], s["peak_tasks"], s["deploy_connections"]) for s in report["summary"]["services"]] == [
        ("booking", 2, 10),
        ("payment", 4, 10),
    ]


def test_github_points_at_the_line() -> None:
    Path("pool_budget.toml").write_text("# comment\n" + SMALL.replace("43", "20"))
    done = run("--format", "github")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=pool_budget.toml,line=2,")


def test_a_warning_fails_only_if_asked_to(folder: Path) -> None:
    (folder / "pool_budget.toml").write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    assert run("--fail-on", "information").returncode == 1
    assert run("--fail-on", "warning").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nowhere.toml",), "nowhere.toml: no such file; name the budget: kc-db check-pool-budget FILE"),
        (
            ("bad.toml",),
            (
                "bad.toml:5:13: services.booking.instances: must be 0 or more, not -1\n"
                'bad.toml:7:13: services.payment.pool_size: must be a whole number, not the text "5"'
            ),
        ),
        (
            ("--environment", "prod", SHIPPED),
            f"{SHIPPED}: --environment: no environment prod in the file; did you",
        ),
        (("--database", "primary"), "--database says which server --live reads; add --live or leave it away"),
        (
            ("--live", SHIPPED),
            "--live reads one server: say whose, with --environment production or development",
        ),
        (
            ("--live", "two.toml"),
            "two.toml: --live reads one server, and the file has 2: say which with --database a",
        ),
        (
            ("--live", "--database", "c", "two.toml"),
            "two.toml: --database: no database c in the file; known are a, b",
        ),
        (("--live", "small.toml"), "no database is named; set DATABASE_URL="),
        (
            ("--set", "bookng.instances=2", "small.toml"),
            "--set bookng.instances=2: no service or worker bookng; did",
        ),
        (
            ("nomax.toml",),
            "nomax.toml:1:12: databases.primary: max_connections is missing; declare it, or read it",
        ),
    ],
)
def test_bad_input_is_told_in_one_line_and_exits_with_2(arguments: tuple[str, ...], expected: str) -> None:
    Path("small.toml").write_text(SMALL)
    Path("bad.toml").write_text(SMALL.replace("= 1\n", "= -1\n", 1).replace("= 5", '= "5"'))
    Path("nomax.toml").write_text(SMALL.replace("max_connections = 43\n", ""))
    Path("two.toml").write_text(
        "[databases.a]\n[databases.b]\n[services.x]\ndatabase='a'\npool_size=1\ninstances=1\n"
    )
    code, out, err = outcome(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {expected}")
    assert len(err.splitlines()) == len(expected.splitlines())


def test_a_server_that_is_down_exits_with_3_and_keeps_the_password() -> None:
    Path("small.toml").write_text(SMALL)
    code, out, err = outcome(
        "small.toml", "--live", "--database-url", "postgresql://kc:hunter2@127.0.0.1:1/app"
    )
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    assert err.startswith("error: can't reach ")
    assert "hunter2" not in out + err


def test_bad_input_is_found_before_a_server_is_asked() -> None:
    Path("bad.toml").write_text(SMALL.replace("pool_size = 10\n", ""))
    url = "postgresql://kc:hunter2@127.0.0.1:1/app"
    assert run("bad.toml", "--live", "--database-url", url).returncode == 2


def test_live_limits_count_and_the_declared_ones_are_compared(
    database_url: str, connect: Callable[[], psycopg.Connection[tuple[object, ...]]]
) -> None:
    settings = ("max_connections", "superuser_reserved_connections", "reserved_connections")
    row = connect().execute(
        "SELECT current_setting(s, true)::integer FROM unnest(%s::text[]) AS s", [list(settings)]
    )
    live = {name: value for name, (value,) in zip(settings, row.fetchall(), strict=True) if value is not None}
    server_has = live["max_connections"]
    assert isinstance(server_has, int)
    for declared, rule, severity, code in (
        (server_has, None, None, 0),
        (server_has + 1, "overstated-limit", "error", 1),
        (server_has - 1, "understated-limit", "warning", 0),
        (None, None, None, 0),
    ):
        line = "" if declared is None else f"max_connections = {declared}\n"
        Path("small.toml").write_text(SMALL.replace("max_connections = 43\n", line))
        done = run("small.toml", "--live", "--database-url", database_url, "--format", "json")
        report = json.loads(done.stdout)
        (database,) = report["summary"]["databases"]
        assert database["live"] == live
        assert (database["max_connections"], database["source"]) == (server_has, "live")
        assert [(f["rule"], f["severity"]) for f in report["findings"]] == (
            [(rule, severity)] if rule else []
        )
        assert done.returncode == code


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (("--help",), {"pydantic", "psycopg", "rich", "tree_sitter", "kc_db.budget"}),
        (("small.toml",), {"psycopg", "sqlalchemy", "tree_sitter", "pglast", "rich"}),
    ],
)
def test_imports_only_what_it_uses(arguments: tuple[str, ...], unneeded: set[str]) -> None:
    Path("small.toml").write_text(SMALL)
    script = dedent(f"""
        import sys
        from kc_db.cli import main
        sys.argv = ["kc-db", "check-pool-budget", *{arguments!r}]
        try:
            main()
        finally:
            print(sorted({unneeded!r} & set(sys.modules)), file=sys.stderr)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")
