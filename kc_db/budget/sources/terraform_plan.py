"""A Terraform plan (`terraform show -json PLANFILE`): ECS services, RDS, Aurora, RDS Proxy.

Names are those on AWS; an Aurora cluster's writer has the cluster's. What is known only after apply is looked
for through the configuration's references; where these leave a choice it is Unknown.
"""

from collections.abc import Iterator

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading
from kc_db.budget.sources._terraform.databases import database_readings
from kc_db.budget.sources._terraform.plan import load_plan
from kc_db.budget.sources._terraform.proxies import proxy_readings
from kc_db.budget.sources._terraform.services import service_readings
from kc_db.errors import InputError


def read(source: SourceTable) -> Iterator[Reading]:
    """What the plan in a file says about services, databases and proxies.

    Raises:
        InputError: no file is named, or it isn't a plan as `terraform show -json` writes it.
    """
    if source.file is None:
        raise InputError("a terraform-plan source needs `file`: what `terraform show -json PLANFILE` wrote")
    plan = load_plan(source.file)
    yield from service_readings(plan, source)
    yield from database_readings(plan)
    yield from proxy_readings(plan)
