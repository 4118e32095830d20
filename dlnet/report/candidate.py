"""The choice for the device as text: the sentence, what competed, and what stands beside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dlnet.config.quantities import Quantities
from dlnet.gate.choice import Choice, Standing
from dlnet.gate.competitor import COMPILED, NAMES
from dlnet.gate.sentence import shown_ratio
from dlnet.gate.verdict import FEWEST


def candidate_section(choice: Choice, words: Quantities) -> list[str]:
    """A section of the report; the sentence itself stands in the report's head."""
    many = words.asset.count(len(choice.chosen.model.assets))
    return [
        "## The model for the device",
        f"The rule: {choice.rule}. Measured on {choice.windows:,} windows of {many}; nothing is chosen on test "
        f"{words.asset.many}.",
        competitors_table(choice, words),
        *refusals(choice),
        f"Beside it, on the same windows; only persistence and line can refuse a model. Ratio: of the means over "
        f"{words.asset.many}, with the 95 % interval of paired resamples of them (none below {FEWEST} "
        f"{words.asset.many}); below 1 the chosen model is better.",
        beside_table(choice, words),
    ]


def competitors_table(choice: Choice, words: Quantities) -> str:
    """Every model that can ship, the least error on validation windows first; the chosen one is bold."""
    target = words.target
    head = ["model", "kind", "MAE, validation", "/ its float model", "flash, B", "RAM, B", "instructions", "ms"]
    rows = []
    for one in choice.competitors:
        model, costs = one.model, one.model.costs
        over = "–" if not model.mae_float else f"{model.mae_validation / model.mae_float:.4f}"
        figures = [f"{costs.flash_bytes:,.0f}", f"{costs.ram_bytes:,.0f}", f"{costs.instructions:,.0f}"]
        cells = [model.name, NAMES[model.kind], target.shown_error(model.mae_validation), over, *figures]
        cells += [f"{costs.ms_modelled:.2f}", "yes" if model.origin == COMPILED else "no", _standing(one)]
        rows.append([f"**{cell}**" for cell in cells] if model.name == choice.name else cells)
    return table([*head, "compiled", "gate and budget"], rows)


def beside_table(choice: Choice, words: Quantities) -> str:
    """Baselines and teacher, the least error first, with the chosen model's ratio over each."""
    entries = sorted(choice.beside.items(), key=lambda item: (item[1].mae_validation, item[0]))
    rows = [[name, words.target.shown_error(entry.mae_validation), ratio_over(choice, name)] for name, entry in entries]
    return table(["model", "MAE, validation", "chosen / it"], rows)


def refusals(choice: Choice) -> list[str]:
    """Why models were refused, a line each, in one paragraph; none where all passed."""
    lines = [
        f"- `{one.model.name}`: {'; '.join((*one.gate.reasons, *one.budget.reasons))}"
        for one in choice.competitors
        if not one.passed
    ]
    return ["Refused:\n\n" + "\n".join(lines)] if lines else []


def ratio_over(choice: Choice, name: str) -> str:
    """Error of the chosen model over that of a model beside it, with its interval; of few assets without."""
    return shown_ratio(choice.beside[name].ratio, len(choice.chosen.model.assets))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are right-aligned."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _standing(one: Standing) -> str:
    return "passed" if one.passed else "refused"
