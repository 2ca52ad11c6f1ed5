"""The edge of what holds, by bisection: the answer holds, and the next value doesn't."""

from collections.abc import Callable


def largest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The largest value in low..high that holds; None if not even `low` does.

    `holds` must be monotone: once it fails it fails for every larger value.
    """
    if high < low or not holds(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def smallest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest value in low..high that holds (`holds` stays true once it is); None if `high` doesn't."""
    mirrored = largest(lambda value: holds(-value), -high, -low)
    return None if mirrored is None else -mirrored
