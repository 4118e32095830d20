"""The gate for alias ``candidate``: it refuses what nobody should ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlnet.config.publish import PublishParams
from dlnet.documents import Document
from dlnet.gate.competitor import Competitor, Rival
from dlnet.metrics import paired_ratio

SIMPLE = ("persistence", "line")
"""Baselines that a model must beat; no other baseline closes the gate."""

FEWEST = 5
"""Validation assets below which means decide: an interval of so few says nothing."""

UNPROVEN = "not yet proven on compiled code"


class Verdict(Document):
    """Result of the gate or of the budget: the conditions that failed (``reasons``) and those that hold (``held``)."""

    reasons: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may become a candidate."""
        return not self.reasons

    @classmethod
    def of(cls, checks: Sequence[tuple[bool, str]]) -> Verdict:
        """From conditions: whether each holds, and its words."""
        return cls(reasons=tuple(text for ok, text in checks if not ok), held=tuple(text for ok, text in checks if ok))


def verdict(model: Competitor, rivals: Mapping[str, Rival], limits: PublishParams) -> Verdict:
    """Check a model on validation windows; a baseline of ``SIMPLE`` that is missing fails its condition.

    Args:
        rivals: name -> errors of a model that is compared with. limits: the bounds, from params.yaml.
    """
    return Verdict.of(
        [*(_beats(model, name, rivals.get(name)) for name in SIMPLE), _rounding(model, limits), _equal(model)]
    )


def _beats(model: Competitor, name: str, rival: Rival | None) -> tuple[bool, str]:
    if rival is None:
        return False, f"no errors of {name}"
    found, many = paired_ratio(model.assets, rival.assets), len(model.assets)
    if many < FEWEST:
        words = f"mean MAE {found.ratio:.3f} x {name} (no interval: below {FEWEST} validation assets)"
        return found.ratio < 1, words if found.ratio < 1 else f"{words}, not below 1 x"
    words = f"MAE {found.ratio:.3f} x [{found.low:.3f}, {found.high:.3f}] {name} ({many} validation assets)"
    return found.high < 1, words if found.high < 1 else f"{words}, not surely below 1 x"


def _rounding(model: Competitor, limits: PublishParams) -> tuple[bool, str]:
    if model.mae_float <= 0:
        return False, "no usable MAE of its float model"
    text = f"{model.mae_validation / model.mae_float:.4f} x its float model"
    if model.mae_validation <= limits.int8_bound * model.mae_float:
        return True, f"{text}, at most {limits.int8_bound:g} x"
    return False, f"{text}, above {limits.int8_bound:g} x"


def _equal(model: Competitor) -> tuple[bool, str]:
    if model.differs is not None:
        return False, f"not equal to the reference: {model.differs}"
    return True, f"equal to the reference: {', '.join(model.equal)}" if model.proven else UNPROVEN
