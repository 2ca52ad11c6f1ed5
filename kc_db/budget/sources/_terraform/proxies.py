"""RDS Proxies: which server they lead to, and how much of its max_connections they may take.

Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/db_proxy,
db_proxy_default_target_group and db_proxy_target.
"""

from collections.abc import Iterator

from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._terraform.databases import database_names
from kc_db.budget.sources._terraform.plan import Plan, Resource, names_of
from kc_db.budget.sources._terraform.references import is_configured, referred

_PROXY = "aws_db_proxy"
_TARGETS = {"db_instance_identifier": "aws_db_instance", "db_cluster_identifier": "aws_rds_cluster"}


def proxy_readings(plan: Plan) -> Iterator[Reading]:
    """Everything about the proxies of a plan that speak PostgreSQL."""
    proxies = [each for each in plan.of_type(_PROXY) if each.node.text("engine_family") != "MYSQL"]
    names = names_of(proxies, "name")
    for proxy in proxies:
        path = ("poolers", names[proxy.address])
        if proxy.node.text("engine_family") == "SQLSERVER":
            continue
        yield Reading((*path, "kind"), "rds-proxy", proxy.node.origin("engine_family"))
        for group in _belonging(plan, proxy, "aws_db_proxy_default_target_group"):
            yield from _percent(plan, path, group)
        yield _database(plan, path, proxy)


def _belonging(plan: Plan, proxy: Resource, kind: str) -> list[Resource]:
    """The resources of a kind that name a proxy, or may."""
    return [each for each in plan.of_type(kind) if proxy in _proxies_of(plan, each)]


def _proxies_of(plan: Plan, resource: Resource) -> list[Resource]:
    text = resource.node.text("db_proxy_name")
    if isinstance(text, str):
        return [each for each in plan.of_type(_PROXY) if each.node.text("name") == text]
    return referred(plan, resource, "db_proxy_name", _PROXY)


def _percent(plan: Plan, path: tuple[str, ...], group: Resource) -> Iterator[Reading]:
    block = group.node.block("connection_pool_config")
    percent = block.number("max_connections_percent", least=1, most=100) if block else None
    if isinstance(percent, Unknown) and not is_configured(plan, group, "connection_pool_config"):
        return  # AWS decides, for 100
    if block and percent is not None:
        yield Reading((*path, "max_connections_percent"), percent, block.origin("max_connections_percent"))


def _database(plan: Plan, path: tuple[str, ...], proxy: Resource) -> Reading:
    names = database_names(plan)
    found: dict[str | Unknown, str] = {}
    for target in _belonging(plan, proxy, "aws_db_proxy_target"):
        for attribute, kind in _TARGETS.items():
            said = _server(plan, target, attribute, kind, names)
            if said is not None:
                found[said] = target.node.origin(attribute)
    if len(found) == 1:
        server, origin = next(iter(found.items()))
        return Reading((*path, "database"), server, origin)
    why = "more than one server" if found else "no server that the plan knows"
    return Reading((*path, "database"), Unknown(f"{proxy.address} leads to {why}"), proxy.node.origin("name"))


def _server(
    plan: Plan, target: Resource, attribute: str, kind: str, names: dict[str, str]
) -> str | Unknown | None:
    text = target.node.text(attribute)
    if isinstance(text, str):
        key = "identifier" if kind == "aws_db_instance" else "cluster_identifier"
        found = [each for each in plan.of_type(kind) if each.node.text(key) == text]
    else:
        found = referred(plan, target, attribute, kind) if text else []
        text = text if is_configured(plan, target, attribute) else None
    return names[found[0].address] if len(found) == 1 else text
