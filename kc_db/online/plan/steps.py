"""Steps that kc-db has planned, as a plan of migrations shows them."""

from collections.abc import Sequence

from kc_db.indexes.steps import Step
from kc_db.online.plan.locks import effect_of
from kc_db.online.plan.model import Planned


def of_steps(steps: Sequence[Step], nothing: str) -> tuple[list[Planned], list[str]]:
    """The statements, and what is to be said beside them.

    Args:
        steps: what would be run.
        nothing: why nothing is to be done, where there are no steps.
    """
    statements = [
        Planned(step.text, effect_of(step.text), made_of=step.made_of) for step in steps if step.statement
    ]
    remarks = [step.text.removeprefix("-- ") for step in steps if step.statement is None]
    return statements, remarks if steps else [f"nothing to do: {nothing}"]
