"""Section ``select``: Pareto fronts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Section


class SelectParams(Section):
    """Columns of the table of students that are minimised, and how many models of the front become elites."""

    objectives: Annotated[list[str], Field(min_length=1)]
    elites: Count
