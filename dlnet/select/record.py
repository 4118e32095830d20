"""front.json; apart from the selection, for stages that run without its library."""

from __future__ import annotations

from dlnet.documents import Document


class FrontRecord(Document):
    """front.json: ``front`` and ``elites`` are names of models; ``notes``: rows that could not be ranked."""

    objectives: tuple[str, ...]
    front: tuple[str, ...]
    elites: tuple[str, ...]
    notes: tuple[str, ...]
