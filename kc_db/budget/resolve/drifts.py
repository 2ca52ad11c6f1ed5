"""Numbers that the budget file states, and a source has otherwise."""

from collections.abc import Iterator, Sequence

from kc_db.budget.model import Drift
from kc_db.budget.resolve.layers import READ, Layers, Path, Scope


def drifts(scope: Scope, layers: Layers, read_path: Path, keys: Sequence[str]) -> Iterator[Drift]:
    """What differs in one table: the keys, and its largest number of tasks.

    Args:
        scope: what is resolved.
        layers: what is said of the thing itself; its defaults are no copies of anything.
        read_path: where it stands in what was read.
        keys: keys that hold numbers.
    """
    in_file = Layers(tuple(layer for layer in layers.layers if layer.is_file))
    was_read = Layers(tuple(layer for layer in layers.layers if layer.path[0] == READ))
    # A key below the thing itself is told with where it stands there: ("pools", "reads", "pool_size").
    inside = read_path[2:]
    pairs = [((*inside, key), in_file.get(key), was_read.get(key)) for key in keys]
    pairs.append(((*inside, "instances", "max"), in_file.bound("max"), was_read.bound("max")))
    for path, declared, read in pairs:
        if declared is not None and read is not None and declared != read:
            whole = (*read_path[:2], *path)
            yield Drift(path, declared, read, scope.origin(whole) or scope.origin(whole[:-1]) or "")
