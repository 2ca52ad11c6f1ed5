"""The budget's figures for machines: part of the JSON contract, so that keys are only ever added."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from kc_db.budget.demand import Target, takers
from kc_db.budget.deploys import peak_tasks
from kc_db.budget.model import Fleet, Pool, Pooler, Server, Service
from kc_db.budget.scenarios import Scenario, enforced_deploys, fits, scenarios

Pair = tuple[Fleet, Target]


def summary(file: str, fleets: Sequence[Fleet], overrides: Iterable[str]) -> Mapping[str, object]:
    """Every figure, as JSON types; part of the JSON contract, so keys are only ever added."""
    pairs = pairs_of(fleets)
    return {
        "file": file,
        "overrides": list(overrides),
        "databases": [_server(fleet, server) for fleet in fleets for server in fleet.servers],
        "poolers": [_pooler(fleet, pooler) for fleet in fleets for pooler in fleet.poolers],
        "scenarios": [
            {"environment": fleet.environment, **_named(target), **_scenario(scenario)}
            for fleet, target in pairs
            for scenario in scenarios(fleet, target)
        ],
        "services": [_service(fleet, service) for fleet in fleets for service in fleet.services],
    }


def pairs_of(fleets: Sequence[Fleet]) -> list[Pair]:
    """Each target of each fleet."""
    return [(fleet, target) for fleet in fleets for target in fleet.targets]


def opened(fleet: Fleet, pooler: Pooler) -> Mapping[str, int]:
    """What one process of a pooler opens, by server."""
    found = {}
    for server in fleet.servers:
        for taker in takers(fleet, server):
            if taker.kind == "poolers" and taker.name == pooler.name:
                found[server.name] = taker.per_task // max(1, pooler.processes)
    return found


def _named(target: Target) -> Mapping[str, str]:
    return {"database" if isinstance(target, Server) else "pooler": target.name}


def _server(fleet: Fleet, server: Server) -> Mapping[str, object]:
    return {
        "environment": fleet.environment,
        "database": server.name,
        "source": server.source,
        **asdict(server.limits),
        "declared": dict(server.declared),
        "live": dict(server.live),
        "origins": dict(server.origins),
        "unknown": server.unknown,
        "replica_of": server.replica_of,
        "headroom_percent": server.headroom_percent,
        "headroom_connections": server.headroom_connections,
        "usable_connections": server.usable_connections,
        "fixed_sessions": dict(server.fixed_sessions),
        "migration_sessions": dict(server.migration_sessions),
        "deploys_at_once": enforced_deploys(fleet, server),
        "fits": fits(fleet, server) and verdict_of_all(fleet, server) == "fits",
        "verdict": _judged(fleet, server),
    }


def verdict_of_all(fleet: Fleet, target: Target) -> str:
    """Whether every judged moment is proved to fit; of a target that isn't certain not to."""
    enforced = [scenario for scenario in scenarios(fleet, target) if scenario.is_enforced]
    return "fits" if all(scenario.fits for scenario in enforced) else "unproven"


def _judged(fleet: Fleet, target: Target) -> str:
    return verdict_of_all(fleet, target) if fits(fleet, target) else "does not fit"


def _pooler(fleet: Fleet, pooler: Pooler) -> Mapping[str, object]:
    is_target = pooler.max_client_conn is not None
    return {
        "environment": fleet.environment,
        "pooler": pooler.name,
        "kind": "pgbouncer" if pooler.proxied is None else "rds-proxy",
        "instances": pooler.rollout.instances,
        "processes": pooler.processes,
        "pool_mode": pooler.pool_mode if pooler.proxied is None else None,
        "max_client_conn": pooler.max_client_conn,
        "server_connections": dict(opened(fleet, pooler)),
        "unknown": "; ".join(filter(None, (pooler.unknown, *(alias.unknown for alias in pooler.aliases)))),
        "verdict": _judged(fleet, pooler) if is_target else None,
    }


def _service(fleet: Fleet, service: Service) -> Mapping[str, object]:
    rollout, targets = service.rollout, {pool.target for pool in service.pools}
    per_task = service.processes * service.pool_size
    return {
        "environment": fleet.environment,
        "name": service.name,
        "kind": service.kind,
        "database": next(iter(targets)) if len(targets) == 1 else None,
        "pool_size": service.pool_size,
        "pools": [_pool(pool) for pool in service.pools],
        "processes": service.processes,
        "instances": rollout.instances,
        "desired": rollout.usual_tasks,
        "deploy": rollout.deploy,
        "maximum_percent": rollout.maximum_percent,
        "peak_tasks": peak_tasks(rollout),
        "steady_connections": per_task * rollout.instances,
        "deploy_connections": per_task * (peak_tasks(rollout) - rollout.instances),
        "role": service.role,
        "origins": dict(service.origins),
        "unknown": service.unknown,
    }


def _pool(pool: Pool) -> Mapping[str, object]:
    return {
        "name": pool.name,
        "target": pool.target,
        "size": pool.size,
        "driver": pool.driver,
        "unknown": pool.unknown,
    }


def _scenario(scenario: Scenario) -> Mapping[str, object]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "deploys": scenario.deploys,
        "demand_connections": scenario.demand_connections,
        "usable_connections": scenario.usable_connections,
        "percent": scenario.percent,
        "fits": scenario.fits,
        "verdict": scenario.verdict,
        "enforced": scenario.is_enforced,
        "driver": scenario.driver,
        "unknown": list(scenario.unknown),
    }
