"""Where the numbers of a budget are read, so that nobody has to copy them: one module per kind of source.

Each module has `read(source: SourceTable) -> Iterable[Reading]`; its name in kebab-case is the `kind` in
`[sources.<name>]` and in `--source KIND=WHAT`. There is no list to edit. The first line of its docstring says
what it reads.
"""

from dataclasses import dataclass, field

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the source has, and nobody can tell: it comes from a secret, another file, at run time.

    Attributes:
        why: what keeps it from being known, as the end of a sentence: "DB_POOL_MAX comes from a secret".
        is_silence: the source says nothing of it at all, so that whatever another one says is the answer.
        variable: the environment variable that it depends on; what another source read there is the answer.
    """

    why: str
    is_silence: bool = field(default=False, repr=False, compare=False)
    variable: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value, and where it was read.

    Attributes:
        path: where a budget file would say it: ("services", "payment", "instances", "max"). Services and
            workers are all called services here; names are those of the source.
        value: what a budget file would say there, or Unknown.
        origin: file and field, or API call and time: "plan.json: aws_ecs_service.payment.desired_count".
    """

    path: Path
    value: object
    origin: str
