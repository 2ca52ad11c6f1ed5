"""SQL that stands in files beside its only reader."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def load_sql(package: str, name: str) -> LiteralString:
    """The statement in `<package>/sql/<name>.sql`; literal, because it ships with the code."""
    return files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
