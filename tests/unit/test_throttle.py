import pytest

from kc_db.errors import InputError
from kc_db.online.patience import patience_of
from kc_db.online.throttle import Lag, Standby, late_standbys


@pytest.mark.parametrize(
    ("text", "seconds", "size_bytes"),
    [
        ("30", 30, None),
        (" 30s ", 30, None),
        ("1.5 min", 90, None),
        ("2h", 7200, None),
        ("500ms", 0.5, None),
        ("64MB", None, 64 << 20),
        ("1 GB", None, 1 << 30),
        ("512kB", None, 512 << 10),
    ],
)
def test_a_lag_is_a_time_or_a_size(text: str, seconds: float | None, size_bytes: float | None) -> None:
    lag = Lag.parse(text)
    assert (lag.seconds, lag.size_bytes) == (seconds, size_bytes)


@pytest.mark.parametrize("text", ["", "soon", "-1s", "3 days", "10mb", "s", "1e3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a number of seconds or of ms, s, min, h, B, kB, MB, GB, TB"):
        Lag.parse(text)


def test_the_environment_may_say_it() -> None:
    assert patience_of({"KC_DB_MAX_REPLICATION_LAG": "5s"}).max_replication_lag == Lag("5s", seconds=5)
    assert patience_of({}).max_replication_lag is None
    with pytest.raises(InputError):
        patience_of({"KC_DB_MAX_REPLICATION_LAG": "x"})


def test_who_is_late() -> None:
    quick = Standby("a", lag_s=0.1, lag_bytes=10)
    slow = Standby("b (10.0.0.2)", lag_s=31, lag_bytes=3 << 20)
    idle = Standby("c", lag_bytes=0)
    hidden = Standby("pid 7", is_visible=False)
    everybody = [quick, slow, idle, hidden]
    assert late_standbys(everybody, Lag.parse("30s")) == [slow]
    assert late_standbys(everybody, Lag.parse("2MB")) == [slow]
    assert late_standbys(everybody, Lag.parse("1min")) == []
    assert str(slow) == "b (10.0.0.2), 31.0 s and 3.0 MB behind"
