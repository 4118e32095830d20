"""docs/results.md from the study's figures."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from dlnet.errors import ModelError

MARKS = "<!-- results -->", "<!-- /results -->"
PAPER = {"teacher": ("616 kB", 0.0078), "int8 student": ("94 kB", 0.0066)}  # arXiv 2601.06227, as it states them
WIDTH = 120
GOALS = {  # most that a ratio of MAEs may be
    "with_target": {"boosting": 1.00, "persistence": 0.18, "line": 0.50, "ridge": 0.85},
    "sensors_only": {"boosting": 0.80},
}


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
    return wrapped(caption) + "\n\n" + _table(head, rows)


def _baseline(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda track: dict(track["baselines"][name])


def _edge(track: dict[str, Any]) -> dict[str, Any]:
    edge = track["edge"]
    return {"mae": edge["mae_int8"], "worst_asset_mae": edge["worst_asset_mae_int8"], "bytes": edge["spec_bytes"]}


_SHORT: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("persistence", _baseline("persistence")),
    ("parabola", _baseline("parabola")),
    ("line through 20 cycles", _baseline("line")),
    ("ridge", _baseline("ridge")),
    ("gradient boosting", _baseline("boosting")),
    ("GRU of the student's size, float", _baseline("gru_small")),
    ("GRU of the teacher's size, float", _baseline("gru_large")),
    ("liquid teacher, float", lambda track: dict(track["teacher"])),
    ("**int8 liquid student**", _edge),
]


def _short_cells(model: dict[str, Any]) -> tuple[str, str, str]:
    error, worst = model["mae"], model["worst_asset_mae"]
    return f"{error['mean']:.5f} ± {error['std_splits']:.5f}", f"{worst['mean']:.4f}", f"{model['bytes']:,}"


def _track(name: str, track: dict[str, Any], protocol: dict[str, Any]) -> list[str]:
    parts = [f"## Track `{name}`", _models(track), _ratios(name, track), _chosen(track, protocol, name)]
    parts += ["### Students, float", _students(track), "### What distillation gains"]
    parts += [
        "Relative gain in test MAE over the same student trained on labels alone, paired by split and seed. Positive "
        "is better.",
        _stage1(track["distillation"]["stage 1"], None),
    ]
    if track["distillation"]["shares"]:
        parts += ["With fewer training cells, the teacher trained on the same ones:"]
        parts += [_stage1(track["distillation"]["shares"], "share")]
    if track["distillation"]["stage 2"]:
        parts += [
            "Stage 2, after pruning; the pruned student is distilled from the teacher and from the unpruned student:",
            _stage2(track["distillation"]["stage 2"]),
        ]
    return parts


def _models(track: dict[str, Any]) -> str:
    head = ["model", "bytes", "MAE", "RMSE", "cell mean", "worst cell"]
    rows = [
        [
            _name(name, row),
            f"{row['bytes']:,}",
            *(_pm(row[key]) for key in ("mae", "rmse", "asset_mae", "worst_asset_mae")),
        ]
        for name, row in sorted(track["baselines"].items(), key=lambda item: -item[1]["mae"]["mean"])
    ]
    teacher, edge = track["teacher"], track["edge"]
    rows.append(
        [f"liquid teacher ({teacher['parameters']:,} parameters)", f"{teacher['bytes']:,}",
         *(_pm(teacher[key]) for key in ("mae", "rmse", "asset_mae", "worst_asset_mae"))]
    )  # fmt: skip
    keys = ("mae_int8", "rmse_int8", "asset_mae_int8", "worst_asset_mae_int8")
    rows.append(["**int8 student**", f"{edge['spec_bytes']:,}", *(f"**{_pm(edge[key])}**" for key in keys)])
    rows.append(
        ["strict Euler LTC student, int8", f"{track['ltc']['spec_bytes']:,}", *(_pm(track["ltc"][k]) for k in keys)]
    )
    return _table(head, rows)


def _name(name: str, model: dict[str, Any]) -> str:
    return f"{name} (sees capacity)" if model.get("uses_target") else name


def _ratios(name: str, track: dict[str, Any]) -> str:
    goals = {f"int8 over {model}": bound for model, bound in GOALS[name].items()}
    goals |= {"int8 over float": 1.01, "ltc over best": 1.05}
    rows = [
        [
            key,
            f"{row['mean']:.3f}",
            "–" if row["least"] is None else f"{row['least']:.3f}–{row['most']:.3f}",
            f"≤ {goals[key]:.2f}" if key in goals else "",
        ]
        for key, row in track["ratios"].items()
    ]
    return _table(["ratio of MAEs", "mean", "single splits", "goal"], rows)


def _chosen(track: dict[str, Any], protocol: dict[str, Any], name: str) -> str:
    edge = track["edge"]
    chosen = ", ".join(f"{student} ({count}×)" for student, count in edge["chosen"].items())
    return (
        f"The int8 student is, for each split and seed, the one with the least validation error among those of at most "
        f"{protocol['most_parameters'][name]:,} parameters (mean {edge['parameters']['mean']:.0f}, largest "
        f"{edge['parameters']['most']}): {chosen}. {track['verdict']}"
    )


def _students(track: dict[str, Any]) -> str:
    rows = [
        [row["cell"], str(row["hidden"]), str(row["parameters"]), row["loss"],
         *(_pm(row[key]) for key in ("mae", "asset_mae", "worst_asset_mae"))]
        for row in track["students"]
    ]  # fmt: skip
    return _table(["cell", "hidden", "parameters", "loss", "MAE", "cell mean", "worst cell"], rows)


def _stage1(gains: list[dict[str, Any]], extra: str | None) -> str:
    head = ([extra] if extra else []) + ["cell", "hidden", "loss", "MAE", "gain"]
    rows = [
        ([f"{row[extra]:.0%}"] if extra else [])
        + [row["cell"], str(row["hidden"]), row["loss"], _pm(row["mae"]), _percent(row["gain"])]
        for row in gains
        if row["loss"] != "labels"
    ]
    return _table(head, rows)


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
