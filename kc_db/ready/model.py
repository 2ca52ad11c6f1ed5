"""What is wanted of a database before services are sent to it, and what it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kc_db.findings import Finding

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a database must be to be ready.

    Attributes:
        standby: a standby, not a primary.
        may_be_newer: it may have been migrated by newer code.
        free_connections: so many more must be left; 0 if it doesn't matter.
        replay_lag_s: how far a standby may be behind, in seconds; None if it doesn't matter.
    """

    standby: bool = False
    may_be_newer: bool = False
    free_connections: int = 0
    replay_lag_s: float | None = None


@dataclass(frozen=True, slots=True)
class Revisions:
    """The migrations that the code has.

    Attributes:
        parents: of each revision, those that it stands on: what it revises and what it depends on.
        heads: those that none revises.
    """

    parents: Mapping[str, tuple[str, ...]]
    heads: tuple[str, ...]

    def applied(self, versions: Sequence[str]) -> frozenset[str]:
        """All revisions that have run where these are the ones in Alembic's version table."""
        found: set[str] = set()
        waiting = [version for version in versions if version in self.parents]
        while waiting:
            revision = waiting.pop()
            if revision not in found:
                found.add(revision)
                waiting += self.parents[revision]
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Server:
    """The server answers.

    Attributes:
        version: as it names it.
    """

    version: str

    @property
    def told(self) -> str:
        """In a few words."""
        return f"PostgreSQL {self.version} answers"


@dataclass(frozen=True, slots=True)
class Role:
    """What the server is among its cluster's.

    Attributes:
        standby: whether it is one.
    """

    standby: bool

    @property
    def told(self) -> str:
        """In a few words."""
        return "standby" if self.standby else "primary"


@dataclass(frozen=True, slots=True)
class Replay:
    """How far a standby is.

    Attributes:
        lag_s: the age of what it may lack, in seconds; None where nobody knows.
        connected: whether a primary sends to it.
    """

    lag_s: float | None
    connected: bool

    @property
    def told(self) -> str:
        """In a few words."""
        lag = "unknown lag" if self.lag_s is None else f"{self.lag_s:.1f} s behind"
        return lag if self.connected else f"{lag}, not connected to its primary"


@dataclass(frozen=True, slots=True)
class Schema:
    """Where Alembic's version table stands, beside the code's revisions.

    Attributes:
        table: the version table's name.
        versions: what it holds; None if there is no such table.
        revisions: the code's.
    """

    table: str
    versions: tuple[str, ...] | None
    revisions: Revisions

    @property
    def overlapping(self) -> tuple[str, ...]:
        """Versions that another version stands on; a script that was run twice leaves them behind."""
        versions = self.versions or ()
        return tuple(
            version
            for version in versions
            if version in self.revisions.applied([other for other in versions if other != version])
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the database has and the code doesn't: it was migrated by newer code, or by other code."""
        return tuple(one for one in self.versions or () if one not in self.revisions.parents)

    @property
    def pending(self) -> tuple[str, ...]:
        """What the code has and the database doesn't."""
        return tuple(sorted(self.revisions.parents.keys() - self.revisions.applied(self.versions or ())))

    @property
    def told(self) -> str:
        """In a few words."""
        if self.versions is None:
            return f"no {self.table}"
        at_head = "" if self.pending or self.unknown or not self.versions else " (head)"
        return f"schema at {listed(self.versions) or 'no revision (base)'}{at_head}"


@dataclass(frozen=True, slots=True)
class Indexes:
    """The required indexes.

    Attributes:
        specs: how many are wanted.
        findings: what keeps one from serving, the worst first.
    """

    specs: int
    findings: tuple[Finding, ...]

    @property
    def told(self) -> str:
        """In a few words."""
        what = "1 index" if self.specs == 1 else f"{self.specs} indexes"
        return f"{what} required" + ("" if self.findings else ", all there")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on connections.

    Attributes:
        whose: the server, a database or a role.
        setting: what sets it.
        granted: how many it allows, without those that are reserved for superusers and the like.
        taken: how many there are, this run's own one among them.
        hidden: of these, sessions of other roles that don't say what they are; each is counted as a client's.
    """

    whose: str
    setting: str
    granted: int
    taken: int
    hidden: int = 0

    @property
    def free(self) -> int:
        """How many are left."""
        return max(self.granted - self.taken, 0)


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of the limits.

    Attributes:
        limits: those that the role meets here; the server's is always among them.
    """

    limits: tuple[Limit, ...]

    @property
    def tightest(self) -> Limit:
        """The one that leaves least."""
        return min(self.limits, key=lambda limit: limit.granted - limit.taken)

    @property
    def told(self) -> str:
        """In a few words."""
        limit = self.tightest
        return f"{limit.free} of {limit.granted} connections of {limit.whose} free"


@dataclass(frozen=True, slots=True)
class Look:
    """One question to the server.

    Attributes:
        check: its name.
        ms: how long the answer took, in milliseconds.
        value: the answer; None if there was none.
        error: why there was none.
    """

    check: str
    ms: float
    value: Server | Role | Replay | Schema | Indexes | Room | None = None
    error: str = ""

    @property
    def told(self) -> str:
        """The answer in a few words."""
        return self.value.told if self.value else "no answer"


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at: one answer at a time.

    Attributes:
        label: the database, without secrets.
        wanted: what it must be.
        look: the answer.
    """

    label: str
    wanted: Wanted
    look: Look


def listed(names: Sequence[str]) -> str:
    """Some names, the first ones if they are many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
