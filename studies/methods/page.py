"""docs/methods.md and docs/methods.json: each method, its requirements, and its measured effect."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dlnet.files import write_json, write_text
from studies.config import MethodsConfig
from studies.methods.toolbox import TOOLBOX
from studies.results.page import between_marks, wrapped

DOCS = Path("docs")
MARKS = "<!-- methods -->", "<!-- /methods -->"
TOOLBOX_MARKS = "<!-- toolbox -->", "<!-- /toolbox -->"
CLEAR = 2.0  # standard errors that a gain must exceed to count as an effect


def write_methods(table: pd.DataFrame, config: MethodsConfig) -> None:
    """Write docs/methods.json, and the tables between the two pairs of marks of docs/methods.md.

    Raises:
        ModelError: the marks are missing.
    """
    rows = summarise(table)
    study = config.methods
    protocol = {"source": "mit", "split": study.split, "seeds": study.seeds, "hidden": study.hidden}
    toolbox = [asdict(tool) for tool in TOOLBOX]
    write_json(DOCS / "methods.json", {"protocol": protocol, "toolbox": toolbox, "methods": rows})
    page = DOCS / "methods.md"
    write_text(page, with_toolbox(with_tables(page.read_text(), rows)))


def summarise(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One dict for each (track, share, family, method): means and spreads over seeds, and the gain over its baseline.

    The gain is ``1 - mae / mae of the baseline of the same seed``, on validation and on test cells. Baselines of a
    family come first, whichever unit wrote their rows; before them, rows without a baseline.
    """
    rows = []
    for (track, share, family), part in table.groupby(["track", "share", "family"], sort=False):
        by_method = {name: rows_of.set_index("seed") for name, rows_of in part.groupby("method", sort=False)}
        bases = {name: _baseline(rows_of) for name, rows_of in by_method.items()}
        rank = {name: 0 if base in (None, name) else 1 if name in bases.values() else 2 for name, base in bases.items()}
        for name in sorted(by_method, key=lambda name: rank[name]):
            method, base = by_method[name], bases[name]
            row: dict[str, Any] = {
                "track": track,
                "share": share,
                "family": family,
                "method": name,
                "seeds": len(method),
            }
            for measure in ("mae_validation", "mae_test"):
                row[measure] = _spread(method[measure])
                if base is not None and base != name:
                    row[f"gain{measure[3:]}"] = _spread(
                        1 - method[measure] / by_method[base][measure].reindex(method.index)
                    )
            for cost in ("parameters", "flash_bytes", "instructions"):
                row[cost] = None if method[cost].isna().any() else round(float(method[cost].mean()))
            notes = [note for note in method["note"] if note]
            row |= {"baseline": base, "notes": notes, "verdict": _verdict(row)}
            rows.append(row)
    return rows


def _baseline(rows: pd.DataFrame) -> str | None:
    stored = rows["baseline"].iloc[0]
    return stored if isinstance(stored, str) else None  # a missing one comes back from a file as NaN


def with_toolbox(page: str) -> str:
    """The page with the table of all methods between its marks.

    Raises:
        ModelError: the marks are missing.
    """
    head = ["kind", "switched by", "needs", "runs on the engine", "code"]
    lines = [[tool.kind, tool.switch, tool.needs, tool.engine, f"`dlnet/{tool.code}`"] for tool in TOOLBOX]
    text = "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])
    return between_marks(page, TOOLBOX_MARKS, f"\n\n{text}\n\n", "docs/methods.md")


def with_tables(page: str, rows: list[dict[str, Any]]) -> str:
    """The page with one table a track, share and family between its marks.

    Raises:
        ModelError: the marks are missing.
    """
    parts = []
    groups = pd.DataFrame({"key": [(row["track"], row["share"], row["family"]) for row in rows]})["key"]
    for key in dict.fromkeys(groups):
        chosen = [row for row, group in zip(rows, groups, strict=True) if group == key]
        if key[2] != "teacher":
            parts += [
                f"### {key[2].capitalize()}, track `{key[0]}`, {key[1]:.0%} of the training cells",
                _helpers(chosen),
                _table(chosen),
            ]
    return between_marks(page, MARKS, "\n\n" + "\n\n".join(parts) + "\n\n", "docs/methods.md")


def _helpers(rows: list[dict[str, Any]]) -> str:
    """The methods that help, from the largest gain on validation cells, in one sentence; baselines are left out."""
    baselines = {row["baseline"] for row in rows}
    helping = sorted(
        (row for row in rows if row["verdict"] == "helps" and row["method"] not in baselines),
        key=lambda row: -row["gain_validation"]["mean"],
    )
    gains = [f"{row['method']} ({100 * row['gain_validation']['mean']:+.1f} %)" for row in helping]
    return wrapped(f"Helps: {'; '.join(gains) or 'none'}.")


def _table(rows: list[dict[str, Any]]) -> str:
    head = ["method", "MAE, validation", "MAE, test", "gain, validation", "gain, test", "flash, B", "instructions", ""]
    lines = [head, ["---"] * len(head), *[_line(row) for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(row: dict[str, Any]) -> list[str]:
    notes = row["notes"] if len(set(row["notes"])) > 1 else row["notes"][:1]  # shared by all seeds: shown once
    return [
        row["method"],
        _mae(row["mae_validation"]),
        _mae(row["mae_test"]),
        _percent(row.get("gain_validation")),
        _percent(row.get("gain_test")),
        *["" if row[cost] is None else f"{row[cost]:,}" for cost in ("flash_bytes", "instructions")],
        "; ".join(filter(None, [row["verdict"], " · ".join(notes)])),
    ]


def _verdict(row: dict[str, Any]) -> str:
    """Whether the method lowered the validation error by more than the spread over seeds."""
    gain = row.get("gain_validation")
    if gain is None:
        return ""
    margin = CLEAR * gain["std"] / row["seeds"] ** 0.5
    if gain["mean"] > margin:
        return "helps"
    return "hurts" if gain["mean"] < -margin else "no clear effect"


def _spread(values: pd.Series) -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0}


def _mae(value: dict[str, float]) -> str:
    return f"{value['mean']:.5f} ± {value['std']:.5f}"


def _percent(value: dict[str, float] | None) -> str:
    return "" if value is None else f"{100 * value['mean']:+.1f} ± {100 * value['std']:.1f} %"
