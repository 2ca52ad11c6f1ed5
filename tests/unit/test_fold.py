"""What is true in many schemas or databases is said once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kc_db.findings import Difference, Finding, Problem, Severity
from kc_db.report.fold import fold

SCHEMAS = tuple(f"tenant_{number}" for number in range(20))


def missing(schema: str, target: str | None = None, table: str = "t") -> Finding:
    quoted = f'"{schema}"' if "-" in schema else schema
    problem = Problem(
        where=f"{schema}.{table}.x",
        message=f"no index on {schema}.{table}",
        remedy=(f"CREATE INDEX x ON {quoted}.{table} (a);",),
        group=f"{schema}.{table}",
        differences=(Difference("predicate", f"{quoted}.f(a)", "none"),),
    )
    return Finding("missing-index", Severity.ERROR, problem, target)


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.problem.where, finding.problem.message.partition("\n")[2]) for finding in findings]


def test_the_same_in_many_schemas() -> None:
    folded = fold([missing(schema) for schema in SCHEMAS[:12]], SCHEMAS)
    others = ", ".join(SCHEMAS[1:9])
    assert said(folded) == [("tenant_0.t.x", f"the same in 11 other schemas: {others} and 3 more")]


def test_the_first_one_is_shown_as_it_is() -> None:
    (folded,) = fold([missing("tenant_3"), missing("tenant_1")], SCHEMAS)
    first = missing("tenant_3")
    message = f"{first.problem.message}\nthe same in 1 other schema: tenant_1"
    assert folded == replace(first, problem=replace(first.problem, message=message))


def test_the_same_in_all_schemas() -> None:
    assert said(fold(map(missing, SCHEMAS), SCHEMAS)) == [("tenant_0.t.x", "the same in all 20 schemas")]


def test_names_that_need_quotes_or_hold_dots() -> None:
    schemas = ("tenant-1", "tenant_2", "a.b")
    assert said(fold(map(missing, schemas), schemas)) == [("tenant-1.t.x", "the same in all 3 schemas")]


def test_what_differs_in_more_than_its_schema_stays_apart() -> None:
    one, other = missing("tenant_1"), missing("tenant_2")
    for changed in (
        replace(other, rule="invalid-index"),
        replace(other, severity=Severity.WARNING),
        replace(other, problem=replace(other.problem, purpose="Another.")),
        replace(other, problem=replace(other.problem, remedy=())),
        replace(other, problem=replace(other.problem, differences=())),
        missing("tenant_2", table="u"),
    ):
        assert fold([one, changed], SCHEMAS) == [one, changed]


def test_schemas_that_are_no_tenants_stay_apart() -> None:
    findings = [missing("audit"), missing("archive")]
    assert fold(findings, SCHEMAS) == fold(findings) == findings


def test_the_same_in_many_databases() -> None:
    everywhere = [missing("public", target) for target in ("eu", "us", "ap")]
    assert said(fold(everywhere)) == [("public.t.x", "the same in 2 other databases: us, ap")]


def test_the_same_in_many_schemas_of_many_databases() -> None:
    both = [missing(schema, target) for target in ("eu", "us") for schema in ("tenant_1", "tenant_2")]
    assert said(fold(both, ["tenant_1", "tenant_2"])) == [
        ("tenant_1.t.x", "the same in all 2 schemas\nthe same in 1 other database: us")
    ]


@given(st.lists(st.builds(missing, st.sampled_from(["a", "b", "a.b"]), st.sampled_from([None, "eu", "us"]))))
def test_nothing_is_lost(findings: list[Finding]) -> None:
    """Each finding is shown, or its place is among those that one shown names."""
    shown = fold(findings, ("a", "b", "a.b", "another"))
    for finding in findings:
        schema = finding.problem.where.removesuffix(".t.x")
        assert any(
            (one.problem.where == finding.problem.where or f" {schema}" in one.problem.message)
            and (one.target == finding.target or f" {finding.target}" in one.problem.message)
            for one in shown
        )
