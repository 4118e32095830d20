"""Chooses the model for the device. Report, registry and forecasts read the answer; none of them chooses again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dlnet.config.publish import PublishParams
from dlnet.config.quantities import Quantities
from dlnet.documents import Document
from dlnet.errors import ModelError
from dlnet.export.documents import Kind
from dlnet.gate.budget import within_budget
from dlnet.gate.competitor import Competitor, Rival
from dlnet.gate.sentence import Pick, sentence
from dlnet.gate.verdict import Verdict, verdict
from dlnet.metrics import Ratio, paired_ratio

CHOICE = Path("reports/choice.json")
CLOSE = 1.01
"""Models whose MAE is within this factor of the least are taken as equally good: costs decide."""

RULE = (
    "of the models that gate and budget let pass, the one with the least MAE on validation windows; of those within "
    "1 % of it, the one of the fewest instructions, then the least flash"
)


class Standing(Document):
    """A competitor, and what gate and budget say of it."""

    model: Competitor
    gate: Verdict
    budget: Verdict

    @property
    def passed(self) -> bool:
        """Whether it may become the candidate."""
        return self.gate.passed and self.budget.passed


class Comparison(Document):
    """MAE of a model that stands beside, on validation windows, and ``ratio``: the chosen model over it."""

    mae_validation: float
    ratio: Ratio


class Choice(Document):
    """reports/choice.json.

    Attributes:
        name, kind: of the model for the device. candidate: whether it may have the alias.
        student: the int8 student that the same rule takes where only students compete.
        proven: whether its compiled code is equal to the reference. sentence: all that in words, in one line.
        windows: validation windows on which it was made. competitors: the least error first.
        beside: name -> baseline or teacher.
    """

    name: str
    kind: Kind
    student: str
    candidate: bool
    proven: bool
    rule: str
    sentence: str
    windows: int
    competitors: tuple[Standing, ...]
    beside: dict[str, Comparison]

    @property
    def chosen(self) -> Standing:
        """The model for the device.

        Raises:
            ModelError: it is not among the competitors.
        """
        return self.standing(self.name)

    def standing(self, name: str) -> Standing:
        """A competitor by name.

        Raises:
            ModelError: there is none.
        """
        found = next((one for one in self.competitors if one.model.name == name), None)
        if found is None:
            raise ModelError(f"{CHOICE}: no competitor {name[:100]!r}; run dvc repro")
        return found


def choose(
    competitors: Sequence[Competitor],
    rivals: Mapping[str, Rival],
    limits: PublishParams,
    words: Quantities,
    windows: int,
) -> Choice:
    """Choose the model for the device, on validation windows.

    Args:
        competitors: all models that can ship; at least one int8 student. rivals: baselines and teacher, by name.
        words: of the task. windows: number of the validation windows.

    Raises:
        ModelError: there is no competitor. DataError: models were measured on different assets.
    """
    standings = [
        Standing(
            model=model,
            gate=verdict(model, rivals, limits),
            budget=within_budget(dict(model.costs), model.origin, limits.budget),
        )
        for model in sorted(competitors, key=lambda model: (model.mae_validation, model.name))
    ]
    best = _best(standings)
    model = best.model
    beside = {
        name: Comparison(mae_validation=rival.mae, ratio=paired_ratio(model.assets, rival.assets))
        for name, rival in rivals.items()
    }
    other = _next(standings, best)
    pick = Pick(
        model=model,
        refused=(*best.gate.reasons, *best.budget.reasons),
        other=None if other is None else other.model,
        other_passed=other is not None and other.passed,
        many=len(standings),
        passing=sum(one.passed for one in standings),
        windows=windows,
    )
    return Choice(
        name=model.name,
        kind=model.kind,
        student=_best([one for one in standings if one.model.kind == "network"]).model.name,
        candidate=best.passed,
        proven=model.proven,
        rule=RULE,
        sentence=sentence(pick, {name: entry.ratio for name, entry in beside.items()}, words),
        windows=windows,
        competitors=tuple(standings),
        beside=beside,
    )


def _best(standings: Sequence[Standing]) -> Standing:
    """Of those that pass; where none does, of those within the budget; where none is, of all."""
    for among in (
        [one for one in standings if one.passed],
        [one for one in standings if one.budget.passed],
        standings,
    ):
        if among:
            least = among[0].model.mae_validation
            close = [one for one in among if one.model.mae_validation <= CLOSE * least]
            return min(close, key=_cost)
    raise ModelError("models/edge: no model that can ship; run dvc repro")


def _cost(one: Standing) -> tuple[float, float, float, str]:
    costs = one.model.costs
    return costs.instructions, costs.flash_bytes, one.model.mae_validation, one.model.name


def _next(standings: Sequence[Standing], best: Standing) -> Standing | None:
    """The best of the others; of those that passed, if one did."""
    others = [one for one in standings if one is not best]
    return next((one for one in others if one.passed), others[0] if others else None)
