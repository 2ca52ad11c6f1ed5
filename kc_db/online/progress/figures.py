"""What pg_stat_progress_create_index says, as one fraction that never goes back, and as words."""

from dataclasses import dataclass

from kc_db.online.blockers import Blocker

# Where each phase of a build begins and ends, as shares of its work (not of its waits), for a B-tree that
# fits into memory, as measured on 14 and 18; the order is the server's. The words are the view's own.
_PHASES = {
    "initializing": (0.0, 0.0),
    "waiting for writers before build": (0.0, 0.0),
    "building index": (0.0, 0.78),  # the other methods: one phase
    "building index: initializing": (0.0, 0.0),
    "building index: scanning table": (0.0, 0.28),
    "building index: sorting live tuples": (0.28, 0.45),
    "building index: sorting dead tuples": (0.44, 0.45),
    "building index: merging tuples (workers)": (0.28, 0.45),  # GIN, from 18 on
    "building index: loading tuples in tree": (0.45, 0.78),
    "building index: merging tuples": (0.45, 0.78),
    "waiting for writers before validation": (0.78, 0.78),
    "index validation: scanning index": (0.78, 0.84),
    "index validation: sorting tuples": (0.84, 0.91),
    "index validation: scanning table": (0.91, 0.99),
    "waiting for old snapshots": (0.99, 0.99),
    "waiting for readers before marking dead": (0.99, 0.99),
    "waiting for readers before dropping": (0.99, 0.99),
}
# What these phases show was counted by the phase before.
_UNCOUNTED = {
    "building index: sorting live tuples",
    "building index: sorting dead tuples",
    "building index: merging tuples (workers)",
    "index validation: sorting tuples",
}
_WAITING = "waiting"
_MEGABYTE = 1_000_000
_MINUTE_S = 60
_HOUR_S = 3600
_WORTH_TELLING_S = 3.0  # what is left can't be told from less work,
_WORTH_TELLING = 0.05  # nor from a smaller part of it
_MEMORY = 0.7  # of a rate's last value, at each new one


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at a statement that runs: a row of build_progress.sql.

    Attributes:
        phase: in PostgreSQL's words; None where it reports none.
        lockers_done: of those for which the phase waits.
        lockers_total: 0 where it waits for none.
        blocks_done: of the table or index, as it is scanned.
        blocks_total: 0 where the phase doesn't count them.
        tuples_done: rows that are in the index.
        tuples_total: 0 where the phase doesn't count them.
        block_bytes: the server's block_size.
        blockers: for whom it waits; empty if for nobody.
    """

    phase: str | None = None
    lockers_done: int = 0
    lockers_total: int = 0
    blocks_done: int = 0
    blocks_total: int = 0
    tuples_done: int = 0
    tuples_total: int = 0
    block_bytes: int = 8192
    blockers: tuple[Blocker, ...] = ()

    @property
    def words(self) -> str:
        """The phase, or what stands for it."""
        return self.phase or ("waiting for a lock" if self.blockers else "running")

    @property
    def blocked_by(self) -> frozenset[tuple[int, str]]:
        """What is news about those for whom it waits: others, or that one does something else."""
        return frozenset((blocker.pid, blocker.state) for blocker in self.blockers)

    @property
    def waits(self) -> bool:
        """Whether it waits for others rather than works."""
        return self.words.startswith(_WAITING)

    @property
    def part(self) -> float | None:
        """How much of the phase is done, 0 to 1; None where it can't be counted."""
        if self.waits or self.phase in _UNCOUNTED:
            return None
        if self.blocks_done < self.blocks_total:
            return self.blocks_done / self.blocks_total
        if self.tuples_done and self.tuples_total:
            return min(1.0, self.tuples_done / self.tuples_total)
        return 1.0 if self.blocks_total else None

    @property
    def counted(self) -> str:
        """How far the phase is: lockers, or percent; empty where neither can be told."""
        if self.waits and self.lockers_total:
            return f"{self.lockers_done} of {self.lockers_total} lockers gone"
        return "" if self.part is None else f"{int(self.part * 100)} %"


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a build.

    Attributes:
        fraction: of the whole build, 0 to 1, never less than before; None where nothing can be told.
        words: the phase, and how far it is where it waits.
        rate: how fast it works, as text; empty where it isn't known.
        remaining_s: about how long the work will yet take; None where that can't be told.
    """

    fraction: float | None
    words: str
    rate: str = ""
    remaining_s: float | None = None

    def __str__(self) -> str:
        """What is worth most stands first: a narrow terminal cuts the end off."""
        left = "" if self.remaining_s is None else f"about {duration(self.remaining_s)} left"
        return ", ".join(filter(None, (self.words, left, self.rate)))


class Meter:
    """Makes views of the looks at one build, in their order."""

    def __init__(self, now_s: float) -> None:
        """A build that starts now.

        Args:
            now_s: of a clock that never goes back.
        """
        self._last, self._last_at = Figures(), now_s
        self._fraction: float | None = None
        self._worked_s = 0.0
        self._speed: float | None = None

    def view(self, figures: Figures, now_s: float) -> View:
        """What to show after a look."""
        elapsed_s = now_s - self._last_at
        self._worked_s += 0.0 if figures.waits else elapsed_s
        self._speed = _speed(self._speed, self._last, figures, elapsed_s)
        self._last, self._last_at = figures, now_s
        whole = overall(figures)
        if whole is not None:
            self._fraction = max(whole, self._fraction or 0.0)
        words = ", ".join(filter(None, (figures.words, figures.counted if figures.waits else "")))
        return View(self._fraction, words, _rate(figures, self._speed), self._remaining(figures))

    def _remaining(self, figures: Figures) -> float | None:
        done = self._fraction or 0.0
        if figures.part is None or done < _WORTH_TELLING or self._worked_s < _WORTH_TELLING_S:
            return None
        return self._worked_s * (1 - done) / done


def overall(figures: Figures) -> float | None:
    """How much of the whole build is done, 0 to 1; None for what isn't a build, or tells nothing yet."""
    if figures.phase not in _PHASES:
        return None
    begin, end = _PHASES[figures.phase]
    part = figures.part
    if part is None:
        is_blank = figures.phase == "building index"  # a method that counts nothing: no bar, but a spinner
        return None if is_blank else begin
    if figures.phase == "building index" and figures.tuples_total:  # hash: blocks, then tuples
        part = (part + (figures.blocks_done >= figures.blocks_total)) / 2
    return begin + (end - begin) * part


def duration(seconds: float) -> str:
    """A time as people say it: 42 s, 3 min, 2 h 5 min."""
    if seconds < _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    if seconds < _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    hours, minutes = divmod(round(seconds / _MINUTE_S), _MINUTE_S)
    return f"{hours} h {minutes} min"


def _speed(before: float | None, last: Figures, figures: Figures, elapsed_s: float) -> float | None:
    """Blocks or tuples per second, smoothed within a phase."""
    is_comparable = last.phase == figures.phase and last.blocks_total == figures.blocks_total
    done = _done(figures) - _done(last)
    if not is_comparable or done < 0:
        return None
    if elapsed_s <= 0:
        return before
    now = done / elapsed_s
    return now if before is None else _MEMORY * before + (1 - _MEMORY) * now


def _done(figures: Figures) -> int:
    return figures.blocks_done if figures.blocks_total else figures.tuples_done


def _rate(figures: Figures, speed: float | None) -> str:
    if not speed or figures.waits:
        return ""
    if figures.part is None:
        return ""
    if figures.blocks_total:
        return f"{speed * figures.block_bytes / _MEGABYTE:.0f} MB/s"
    return f"{speed:,.0f} rows/s"
