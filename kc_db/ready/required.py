"""The verifier's word on the required indexes: what keeps one of them from serving, and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kc_db.database import Connection
from kc_db.findings import Finding, Severity
from kc_db.indexes.inspect import Inspection, Wanted, find_scope, found
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.verify import verify
from kc_db.ready.model import Indexes
from kc_db.rulebook import worst_first

_BEING_BUILT = "building-index"


def index_reader(
    label: str, wanted: Wanted, accept: Callable[[Inspection], Sequence[Finding]]
) -> Callable[[Connection], Indexes]:
    """What asks for the required indexes.

    Args:
        label: how to name the database.
        wanted: what to look for; without rules that need facts, so that fewer questions are asked.
        accept: takes out what is accepted.
    """

    def read(connection: Connection) -> Indexes:
        scope = find_scope(connection, wanted.specs, wanted.schemas)
        catalog = load_catalog(connection, [spec.definition for spec in scope.specs], wanted.lock)
        inspection = found(label, scope, verify(scope.specs, catalog, wanted.rulebook))
        return Indexes(len(scope.specs), keeping(accept(inspection), {spec.file for spec in wanted.specs}))

    return read


def keeping(findings: Sequence[Finding], files: set[str]) -> tuple[Finding, ...]:
    """Those of a spec that keep its index from serving: errors, what is undecided, and running builds."""
    of_specs = [finding for finding in findings if finding.problem.file in files]
    raised = (replace(one, severity=Severity.ERROR) if one.rule == _BEING_BUILT else one for one in of_specs)
    return tuple(
        worst_first(one for one in raised if one.severity in {Severity.ERROR, Severity.UNDETERMINED})
    )
