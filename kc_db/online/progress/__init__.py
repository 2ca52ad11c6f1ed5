"""How far a build is, for people: on a terminal a bar, elsewhere lines."""

from kc_db.online.progress.watch import reported_progress

__all__ = ["reported_progress"]
