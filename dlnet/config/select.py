"""Section ``select``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Section


class SelectParams(Section):
    """Which columns of the table of students count, and how many of the front go further."""

    objectives: Annotated[list[str], Field(min_length=1)]
    elites: Count
