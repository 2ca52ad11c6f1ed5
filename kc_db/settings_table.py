"""The shape of `[tool.kc-db]`; a module of its own, because few projects need pydantic to read theirs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SettingsTable(BaseModel):
    """What the table may hold: strict and closed."""

    model_config = ConfigDict(strict=True, extra="forbid")

    severity: dict[str, Literal["error", "warning", "information", "off"]] = Field(default_factory=dict)
