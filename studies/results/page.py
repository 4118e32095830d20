"""docs/results.md from the study's figures."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from dlnet.errors import ModelError

MARKS = "<!-- results -->", "<!-- /results -->"
PAPER = {"teacher": ("616 kB", 0.0078), "int8 student": ("94 kB", 0.0066)}  # arXiv 2601.06227, as it states them
WIDTH = 120


def page(content: dict[str, Any]) -> str:
    """The whole page."""
    protocol = content["protocol"]
    parts = [
        "# Results",
        "Written by `make results`; every figure here is in [results.json](results.json). "
        f"{content['data']['label']}, {content['data']['assets']} cells, {content['data']['rows']:,} rows. "
        f"{len(protocol['splits'])} cell splits (seeds {', '.join(map(str, protocol['splits']))}), "
        f"{len(protocol['seeds'])} seeds each. Models are chosen on validation cells; the tables show **test** cells. "
        f"Error is the mean absolute error of SoH over the next {protocol['horizon']} rows, mean over windows. "
        "± is the standard deviation over splits (of the mean over seeds), then over seeds.",
        "Rows are not always consecutive cycles (the publisher dropped some), and no cell here reaches 80 % SoH.",
        "![Error against size](img/results-size.png)",
    ]
    for name, track in content["tracks"].items():
        parts += _track(name, track, protocol)
    parts += [
        "## Beside the paper",
        "arXiv 2601.06227 reports, on a protocol that it does not publish in full: "
        + "; ".join(f"{name} {size}, MAE {mae}" for name, (size, mae) in PAPER.items())
        + ". Its split and windows are not ours, so this is context, not a ranking.",
    ]
    return "\n\n".join(map(wrapped, parts)) + "\n"


def wrapped(part: str) -> str:
    """A paragraph in lines of at most 120 characters; tables and headings as they are."""
    if part.startswith(("|", "#", "!")):
        return part
    return textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False)


def front_page(readme: str, content: dict[str, Any]) -> str:
    """The README with the short table of results between its marks.

    Raises:
        ModelError: the marks are missing.
    """
    return between_marks(readme, MARKS, f"\n{_short(content)}\n", "README.md")


def between_marks(text: str, marks: tuple[str, str], content: str, name: str) -> str:
    """The text of the file ``name`` with ``content`` between its two marks.

    Raises:
        ModelError: the marks are missing.
    """
    before, mark, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not mark or not end:
        raise ModelError(f"{name}: the marks {marks[0]} and {marks[1]} are missing; put them where the table goes")
    return f"{before}{marks[0]}{content}{marks[1]}{after}"


def _short(content: dict[str, Any]) -> str:
    protocol, tracks = content["protocol"], content["tracks"]
    rows = []
    for title, pick in _SHORT:
        cells = [_short_cells(pick(track)) for track in tracks.values()]
        rows.append([title, *[text for triple in cells for text in triple]])
    for name, (size, mae) in PAPER.items():
        rows.append([f"the paper's {name} (its own protocol)", f"{mae}", "", size, *[""] * 3 * (len(tracks) - 1)])
    head = ["model", *[text for name in tracks for text in (f"MAE, `{name}`", "worst cell", "bytes")]]
    caption = (
        f"MIT–Stanford cells (measured), MAE of SoH over the next {protocol['horizon']} rows, test cells, "
        f"mean ± deviation over {len(protocol['splits'])} cell splits, {len(protocol['seeds'])} seeds each. Rows are "
        "not always consecutive cycles, and no cell of this set reaches 80 %. On track `sensors_only` baselines see "
        "charge features only, except those that extrapolate capacity."
    )
    goals = (
        "What was aimed at: ratios of these errors with the 95 % interval of a paired bootstrap over cells, and what a "
        "student gains from its teacher over labels alone. The goals were set before the study was run."
    )
    return "\n\n".join([wrapped(caption), _table(head, rows), wrapped(goals), _goals(content)])


def _goals(content: dict[str, Any]) -> str:
    """Every ratio and gain that has a goal, of both tracks."""
    rows = [row for name, track in content["tracks"].items() for row in _goals_of(name, track)]
    if content["few"] is not None:
        few = content["few"]
        rows.append([f"`with_target`: {few['own']} own cells and public ones over own alone", *_ratio(few)])
    return _table(["figure", "measured", "95 %", "goal", "reached"], rows)


def _goals_of(name: str, track: dict[str, Any]) -> Iterator[list[str]]:
    for row in track["ratios"]:
        if row["goal"] is not None:
            yield [f"`{name}`: {row['above']} over {row['below']}", *_ratio(row)]
    distillation = track["distillation"]
    for row in [*distillation["stage 1"], *distillation["shares"]]:
        if row["goal"] is not None:
            title = f"`{name}`: gain of distilling, {row['hidden']} neurons, {row['share']:.0%} of the cells"
            yield [title, *_gain(row)]


def _ratio(row: dict[str, Any]) -> list[str]:
    """Ratio, interval, goal and whether it is kept."""
    return [f"{row['ratio']:.3f}", f"{row['low']:.3f}–{row['high']:.3f}", *_held(row["ratio"], row["goal"])]


def _gain(row: dict[str, Any]) -> list[str]:
    """Gain, interval, goal and whether it is reached."""
    goal = row["goal"]
    held = ["", ""] if goal is None else [f"≥ {100 * goal:.0f} %", "yes" if row["gain"] >= goal else "no"]
    return [f"{100 * row['gain']:+.1f} %", f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f} %", *held]


def _baseline(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda track: dict(track["baselines"][name])


_SHORT: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("persistence", _baseline("persistence")),
    ("parabola", _baseline("parabola")),
    ("line through 20 cycles", _baseline("line")),
    ("ridge, by absolute error", _baseline("ridge")),
    ("gradient boosting", _baseline("boosting")),
    ("gradient boosting that knows age and past", _baseline("boosting_age")),
    ("GRU of the student's size, float", _baseline("gru_small")),
    ("GRU of the teacher's size, float", _baseline("gru_large")),
    ("liquid teacher (ensemble), float", lambda track: dict(track["teacher"])),
    ("int8 liquid student", lambda track: dict(track["edge"])),
    ("**best form that ships**", lambda track: dict(track["forms"])),
]


def _short_cells(model: dict[str, Any]) -> tuple[str, str, str]:
    error, worst = model["mae"], model["worst_asset_mae"]
    return f"{error['mean']:.5f} ± {error['std_splits']:.5f}", f"{worst['mean']:.4f}", f"{model['bytes']:,}"


def _track(name: str, track: dict[str, Any], protocol: dict[str, Any]) -> list[str]:
    parts = [f"## Track `{name}`", _models(track), "### Ratios and goals", _RATIO, _ratios(track)]
    parts += [_chosen(track, protocol, name), "### What distillation gains", _GAIN]
    distillation = track["distillation"]
    parts.append(_gains([*distillation["stage 1"], *distillation["shares"]]))
    if distillation["stage 2"]:
        parts += [
            "Stage 2, after pruning; the pruned student is distilled from the teacher and from the unpruned student:",
            _stage2(distillation["stage 2"]),
        ]
    return [*parts, "### Students, float", _students(track)]


_RATIO = (
    "Ratios of MAEs over test windows, with the 95 % interval of a paired bootstrap over cells, and the range of "
    "single splits. The best form is chosen by the gate on validation windows, within `publish.budget` by the cost "
    "model; the other form is the best of another kind (linear, forest, blend) that takes at most its flash."
)
_GAIN = (
    "Gain in test MAE over the same student trained on labels alone, positive is better, with the 95 % interval of a "
    "paired bootstrap over cells. With a share of the training cells the teacher has the same ones. A goal stands at "
    "the loss with the least validation error."
)


def _models(track: dict[str, Any]) -> str:
    teacher, edge, forms, ltc = track["teacher"], track["edge"], track["forms"], track["ltc"]
    rows = [
        _model(_name(name, row), row)
        for name, row in sorted(track["baselines"].items(), key=lambda item: -item[1]["mae"]["mean"])
    ]
    rows.append(_model(f"liquid teacher ({teacher['parameters']:,} parameters)", teacher))
    if ltc is not None:
        rows.append(_model("strict Euler LTC student, int8", ltc))
    rows.append(_model("int8 student", edge))
    rows.append(_model("**best form that ships**", forms))
    return _table(["model", "bytes", "MAE", "RMSE", "cell mean", "worst cell"], rows)


def _model(name: str, row: dict[str, Any]) -> list[str]:
    errors = (_pm(row[key]) for key in ("mae", "rmse", "asset_mae", "worst_asset_mae"))
    return [name, f"{row['bytes']:,}", *errors]


def _name(name: str, model: dict[str, Any]) -> str:
    return f"{name} (sees capacity)" if model.get("uses_target") else name


def _ratios(track: dict[str, Any]) -> str:
    rows = []
    for row in track["ratios"]:
        ratio, interval, *held = _ratio(row)
        splits = f"{row['least']:.3f}–{row['most']:.3f}"
        rows.append([f"{row['above']} over {row['below']}", ratio, interval, splits, *held])
    return _table(["ratio of MAEs", "ratio", "95 %", "single splits", "goal", "reached"], rows)


def _held(ratio: float, goal: float | None) -> tuple[str, str]:
    """The goal, and whether the ratio keeps it."""
    return ("", "") if goal is None else (f"≤ {goal:.2f}", "yes" if ratio <= goal else "no")


def _chosen(track: dict[str, Any], protocol: dict[str, Any], name: str) -> str:
    edge, forms = track["edge"], track["forms"]
    return (
        f"The int8 student is, for each split and seed, the one with the least validation error among those of at most "
        f"{protocol['most_parameters'][name]:,} parameters (mean {edge['parameters']['mean']:.0f}, largest "
        f"{edge['parameters']['most']}): {_counts(edge['chosen'])}. Its error is {track['int8_over_float']:.3f} times "
        f"that of its float network. The best form was: {_counts(forms['chosen'])}; median {forms['flash_bytes']:,} B "
        f"of flash, {forms['instructions']:,} instructions, {forms['ms_modelled']:.2f} ms (modelled). "
        f"{track['verdict']}"
    )


def _counts(chosen: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count}×)" for name, count in chosen.items())


def _students(track: dict[str, Any]) -> str:
    rows = [
        [row["cell"], str(row["hidden"]), str(row["parameters"]), row["loss"],
         *(_pm(row[key]) for key in ("mae", "asset_mae", "worst_asset_mae"))]
        for row in track["students"]
    ]  # fmt: skip
    return _table(["cell", "hidden", "parameters", "loss", "MAE", "cell mean", "worst cell"], rows)


def _gains(gains: list[dict[str, Any]]) -> str:
    rows = [[f"{row['share']:.0%}", row["cell"], str(row["hidden"]), row["loss"], *_gain(row)] for row in gains]
    return _table(["share", "cell", "hidden", "loss", "gain", "95 %", "goal", "reached"], rows)


def _stage2(gains: list[dict[str, Any]]) -> str:
    rows = [
        [row["method"], f"{row['sparsity']:.0%}", str(row["networks"]), f"{row['parameters']:.0f}",
         f"{row['taught']['mean']:.5f}", f"{row['labels']['mean']:.5f}", _percent(row["gain"])]
        for row in gains
    ]  # fmt: skip
    head = ["method", "sparsity", "networks", "parameters", "MAE, with the teacher", "MAE, labels alone", "gain"]
    return _table(head, rows)


def _pm(value: dict[str, float]) -> str:
    return f"{value['mean']:.5f} ± {value['std_splits']:.5f} ± {value['std_seeds']:.5f}"


def _percent(value: dict[str, float]) -> str:
    return f"{100 * value['mean']:+.1f} ± {100 * value['std']:.1f} %"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)
