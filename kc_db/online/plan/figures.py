"""Sizes and times as people read them."""

_KILO = 1000.0
_SECOND_MS, _MINUTE_MS, _HOUR_MS = 1000, 60_000, 3_600_000


def in_bytes(size: int) -> str:
    """`1.2 GB`: three digits, in powers of 1000."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= _KILO and len(units) > 1:
        value, units = value / _KILO, units[1:]
    return f"{value:.0f} {units[0]}" if value >= _KILO / 100 or units[0] == "B" else f"{value:.1f} {units[0]}"


def in_time(time_ms: int) -> str:
    """`90 min`, `12 s`, `less than 1 s`."""
    if time_ms < _SECOND_MS:
        return "less than 1 s"
    if time_ms < 2 * _MINUTE_MS:
        return f"{time_ms / _SECOND_MS:.0f} s"
    if time_ms < 2 * _HOUR_MS:
        return f"{time_ms / _MINUTE_MS:.0f} min"
    return f"{time_ms / _HOUR_MS:.0f} h"
