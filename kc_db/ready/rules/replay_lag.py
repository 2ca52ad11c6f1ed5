"""A standby is further behind its primary than `--max-replay-lag` allows.

If you leave it: services that read there see a past state, and may miss what they have just written.

To mend it: a long query on the standby may hold replay up (pg_stat_activity there, and
max_standby_streaming_delay), or the primary writes more than it can replay, or it has lost its primary. Where
all that has arrived is replayed, the lag is 0 as long as the primary is connected; else it is the age of the
newest commit that was replayed, which grows on an idle primary too.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Replay, Subject

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem if it is too far behind, or nobody knows how far."""
    replay, most = subject.look.value, subject.wanted.replay_lag_s
    if isinstance(replay, Replay) and most is not None and (replay.lag_s is None or replay.lag_s > most):
        yield Problem(subject.label, f"the standby is {replay.told}; {most:g} s are allowed")
