"""One sentence on the choice: which form won, over what, by how much, on which windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlnet.config.quantities import Quantities
from dlnet.gate.competitor import Competitor
from dlnet.gate.verdict import FEWEST, UNPROVEN
from dlnet.metrics import Ratio, paired_ratio

SIMPLEST, TEACHER = "line", "teacher"
FLOAT_FORM = "_device"  # end of the names of baselines that are the float models of forms that ship


@dataclass(frozen=True)
class Pick:
    """The chosen model, and what the sentence says of it.

    Attributes:
        refused: why it was; empty: it passed. other: the best of the others; of those that passed, if one did.
        other_passed: whether that one did. many, passing: how many competed, how many passed. windows: on so many.
    """

    model: Competitor
    refused: tuple[str, ...]
    other: Competitor | None
    other_passed: bool
    many: int
    passing: int
    windows: int


def sentence(pick: Pick, beside: Mapping[str, Ratio], words: Quantities) -> str:
    """The sentence.

    Args:
        beside: baseline or teacher -> the chosen model's error over its.
    """
    model, error = pick.model, words.target.shown_error(pick.model.mae_validation)
    assets = len(model.assets)
    where = f"on {pick.windows:,} validation windows of {words.asset.count(assets)}"
    over = []
    if pick.other is not None:
        mark = "" if pick.other_passed else " (refused)"
        over = [_over(f"{pick.other.title}{mark}", paired_ratio(model.assets, pick.other.assets), assets)]
    over += [_over(name, beside[name], assets) for name in _baselines(beside)]
    compared = "; ".join(over)
    figures = f"{_won(pick)}, MAE {error} {words.target.error_label} {where}; {compared}"
    if pick.refused:
        return f"No model is the candidate. The nearest is {model.title}: {figures}; refused: {pick.refused[0]}."
    return f"{model.title} is the candidate: {figures}{'' if model.proven else f'; {UNPROVEN}'}."


def _baselines(beside: Mapping[str, Ratio]) -> list[str]:
    """The strongest baseline of any size that does not ship itself, and the simplest."""
    known = [name for name in beside if name != TEACHER and not name.endswith(FLOAT_FORM)]
    strongest = sorted(known, key=lambda name: (-beside[name].ratio, name))[:1]
    return list(dict.fromkeys([*strongest, *(name for name in known if name == SIMPLEST)]))


def _won(pick: Pick) -> str:
    """By which part of the rule, and among how many."""
    if pick.many == 1:
        return "the only model"
    if pick.refused:
        return f"the best of {pick.many} models"
    if pick.passing == 1:
        return f"the only one of {pick.many} models that passes"
    among = f"{pick.passing} models that pass" + (f" (of {pick.many})" if pick.many > pick.passing else "")
    if pick.other is not None and pick.other.mae_validation < pick.model.mae_validation:
        return f"within 1 % of the least error of {among}, at the fewest instructions"
    return f"the best of {among}"


def _over(name: str, ratio: Ratio, assets: int) -> str:
    return f"{shown_ratio(ratio, assets)} × {name}"


def shown_ratio(ratio: Ratio, assets: int) -> str:
    """A ratio with its interval, which is left out where so few ``assets`` were measured that it says nothing."""
    interval = "" if assets < FEWEST else f" [{ratio.low:.3f}, {ratio.high:.3f}]"
    return f"{ratio.ratio:.3f}{interval}"
