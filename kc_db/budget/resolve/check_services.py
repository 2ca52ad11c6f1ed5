"""What is wrong with the tables of services: what is missing, and what would count for nothing."""

from itertools import pairwise

from kc_db.budget.resolve.layers import BOUNDS, Layers, Scope
from kc_db.budget.resolve.service_layers import (
    DEPLOY_OF,
    DRIVERS_OF,
    ServiceLayers,
    pools_of,
    unknown_size,
    unknown_tasks,
)


def check_services(scope: Scope, found: list[ServiceLayers]) -> None:
    """Notes every mistake as a complaint."""
    _check_nothing_is_missing(scope, found)
    for layers in found:
        _check_keys_mean_something(scope, layers)
        _check_size_is_used(scope, layers)
        _check_order_of_bounds(scope, layers)


def _check_nothing_is_missing(scope: Scope, services: list[ServiceLayers]) -> None:
    # Neither key has a harmless default: a forgotten instance count is what breaks budgets.
    for key, is_lacking in (("pool_size", _lacks_pool_size), ("instances", _lacks_instances)):
        lacking = [layers for layers in services if is_lacking(scope, layers)]
        if lacking:
            others = f" (and so for {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            scope.complain(lacking[0].path, f"{key} is missing, here and in [defaults]{others}")
    for layers in services:
        first = next((layer for layer in layers.all.saying("instances") if layer.is_file), None)
        if first is not None and Layers((first,)).bound("max") is None:
            scope.complain((*first.path, "instances", "max"), "is missing")


def _check_keys_mean_something(scope: Scope, layers: ServiceLayers) -> None:
    """A key that the driver or the deploy doesn't know would count for nothing; defaults may have any."""
    for name, said in pools_of(layers):
        inside = layers.own.inside("pools", name) if name else ()
        for layer in (*inside, *(() if name else layers.own.layers)):
            for key, drivers in DRIVERS_OF.items():
                if getattr(layer.table, key, None) is not None and said.get("driver") not in drivers:
                    needed = " or ".join(f'"{driver}"' for driver in drivers)
                    scope.complain((*layer.path, key), f"means something with driver = {needed} only")
    for layer in layers.own.layers:
        deploy = getattr(layer.table, "deploy", None)
        for key, wanted in DEPLOY_OF.items():
            if deploy not in {None, wanted} and getattr(layer.table, key, None) is not None:
                scope.complain((*layer.path, key), f'means something with deploy = "{wanted}" only')


def _check_size_is_used(scope: Scope, layers: ServiceLayers) -> None:
    """A size that --set gives to the service itself, where each of its pools says its own."""
    pools = [Layers(layers.own.inside("pools", name)) for name in layers.pool_names]
    first = next((one for one in layers.own.saying("pool_size") if not one.is_read and not one.is_file), None)
    if first is not None and pools and all(pool.get("pool_size") is not None for pool in pools):
        named = ", ".join(f"pools.{name}.pool_size" for name in layers.pool_names)
        scope.complain((*first.path, "pool_size"), f"counts for no pool, each says its own: {named}")


def _check_order_of_bounds(scope: Scope, layers: ServiceLayers) -> None:
    """Bounds that several tables say: within one table the schema looks."""
    bounds = {which: layers.all.bound(which) for which in reversed(BOUNDS)}
    bounds["min"] = layers.all.stated_minimum()
    given = [(which, bound) for which, bound in bounds.items() if bound is not None]
    by_people = [layer for layer in layers.all.saying("instances") if not layer.is_read]
    if not by_people or (by_people[0].is_file and Layers((by_people[0],)).bound("max") is None):
        return  # read, or told to be incomplete
    for (low_name, low), (high_name, high) in pairwise(given):
        if low > high:
            message = f"{low_name} is {low}, more than {high_name}, {high}"
            scope.complain((*by_people[0].path, "instances"), message)


def _lacks_pool_size(scope: Scope, layers: ServiceLayers) -> bool:
    return not any(
        said.get("pool_size") is not None or said.get("driver") or unknown_size(scope, layers, name)
        for name, said in pools_of(layers)
    )


def _lacks_instances(scope: Scope, layers: ServiceLayers) -> bool:
    return layers.all.get("instances") is None and "instances: " not in unknown_tasks(scope, layers)
