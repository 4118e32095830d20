"""The data report: counts, ranges, noise, cleaned values and unused assets, as numbers and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.config.presets import MARKS
from dlnet.config.quantities import Quantities, Target
from dlnet.config.split import SplitParams
from dlnet.data.clean import MAD_TO_SIGMA
from dlnet.data.findings import Finding, Kind, in_order
from dlnet.data.prepare import Prepared
from dlnet.data.split import SPLITS, UNUSED

WORST = 5
"""Rows in the table of the most cleaned assets."""

TARGET = "target"
"""Name of the target among the columns of the report."""

NOISE_TO_MAE = 0.8
"""Mean absolute value of normal noise over its standard deviation, sqrt(2 / pi)."""

SHORTEST = 10
"""Rows that an asset must have for an estimate of its noise."""

SHOWN = 20
"""Findings of a kind that the page lists; report.json has all."""

_QUANTILES = {"min": 0.0, "p1": 0.01, "median": 0.5, "p99": 0.99, "max": 1.0}


def describe(prepared: Prepared, clean: CleanParams, split: SplitParams) -> dict[str, Any]:
    """Numbers of the data report (``report.json``).

    Returns:
        ``source`` (label, simulated, notes, preset), ``clean`` and ``split`` (the params), ``splits`` (assets, rows,
        windows, life, target), ``public`` (sources that train beside, if any), ``noise`` (see ``measured_noise``),
        ``ranges`` (per column and split: quantiles, and
        the share beyond the 1st and 99th percentile of training rows), ``cleaned`` (counts: total, per feature, of the
        worst assets), ``findings`` (asset, rows, kind, text), ``gaps`` (rows that measured the target, share of values
        missing per feature) and ``unused`` (asset, rows, why).
    """
    task, assets = prepared.task, prepared.assets
    keys = ("task", "source", "label", "simulated", "assets", "rows", "nominal", "notes", "preset")
    public = {"public": [part.content() for part in task.public]} if task.public else {}
    return {
        "source": {key: getattr(task, key) for key in keys},
        **public,
        "clean": clean.model_dump(),
        "split": split.model_dump(),
        "splits": {name: _describe_split(prepared, name) for name in SPLITS},
        "noise": measured_noise(prepared),
        "ranges": _ranges(prepared),
        "cleaned": _cleaned(prepared),
        "findings": [finding.content() for finding in in_order(task.findings)],
        "gaps": _gaps(prepared),
        "unused": [
            {
                "asset": asset["asset"],
                "rows": int(asset["rows"]),
                "why": f"fewer than {clean.min_rows} {task.quantities.time.many}",
            }
            for asset in assets[assets["split"] == UNUSED].to_dict("records")
        ],
    }


def split_of_rows(prepared: Prepared) -> np.ndarray:
    """(R,) split of each row's asset."""
    split = dict(zip(prepared.assets["asset"], prepared.assets["split"], strict=True))
    return np.array([split[asset] for asset in prepared.rows["asset"]])


def _describe_split(prepared: Prepared, name: str) -> dict[str, Any]:
    assets = prepared.assets[prepared.assets["split"] == name]
    health = prepared.rows.loc[split_of_rows(prepared) == name, "health"]
    target, life = prepared.task.quantities.target.from_health(health), assets["rows"]
    return {
        **prepared.task.counts[name].content(),
        "life": {"min": int(life.min()), "median": float(life.median()), "max": int(life.max())},
        "target": {"min": float(target.min()), "max": float(target.max())},
        "groups": {str(group): int(count) for group, count in assets["group"].value_counts().sort_index().items()},
    }


def column(prepared: Prepared, name: str) -> np.ndarray:
    """(R,) cleaned values of the target, or of a feature, in their own units."""
    if name == TARGET:
        return prepared.task.quantities.target.from_health(prepared.rows["health"])
    return prepared.rows[name].to_numpy(np.float64)


def measured_noise(prepared: Prepared) -> float:
    """Standard deviation of one measurement of the target, in its unit: median over assets, 0 where all are short.

    From second differences, in which a slow change cancels: 1.4826 median|x[i-1] - 2 x[i] + x[i+1]| / sqrt(6).
    """
    lives = prepared.rows[["asset"]].assign(raw=prepared.raw).groupby("asset", sort=False)["raw"]
    known = [life.dropna().to_numpy() for _, life in lives]
    spreads = [np.median(np.abs(np.diff(life, 2))) for life in known if len(life) > SHORTEST]
    if not spreads:  # a handful of check-ups on each asset tell nothing of the noise
        return 0.0
    return float(MAD_TO_SIGMA * np.median(spreads) / np.sqrt(6.0) * prepared.task.quantities.target.size)


def _ranges(prepared: Prepared) -> dict[str, dict[str, dict[str, float]]]:
    """Quantiles per column and split; ``outside``: share of rows beyond the 1st and 99th percentile of training."""
    splits = split_of_rows(prepared)
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name in (TARGET, *prepared.task.features):
        values = column(prepared, name)
        low, high = np.quantile(values[splits == "train"], [0.01, 0.99])
        out[name] = {}
        for split in SPLITS:
            of_split = values[splits == split]
            quantiles = np.quantile(of_split, list(_QUANTILES.values()))
            outside = float(np.mean((of_split < low) | (of_split > high)))
            out[name][split] = {
                **dict(zip(_QUANTILES, map(float, quantiles), strict=True)),
                "outside": outside,
            }
    return out


def _cleaned(prepared: Prepared) -> dict[str, Any]:
    assets, names = prepared.assets, ["asset", "rows", "touched_inputs", "touched_targets", "touched_features"]
    worst = assets.sort_values(["touched_inputs", "touched_targets"], ascending=False, kind="stable").head(WORST)
    per_feature = prepared.touched.sum(axis=0)
    return {
        "replaced_inputs": int(assets["touched_inputs"].sum()),
        "replaced_targets": int(assets["touched_targets"].sum()),
        "features": int(per_feature.sum()),
        "rows": len(prepared.rows),
        "per_feature": dict(zip(prepared.task.features, map(int, per_feature), strict=True)),
        "worst_assets": worst.loc[worst["touched_inputs"] > 0, names].to_dict("records"),
    }


def _gaps(prepared: Prepared) -> dict[str, Any]:
    share = prepared.missing.mean(axis=0)
    return {
        "measured": int(np.isfinite(prepared.raw).sum()),
        "missing": dict(zip(prepared.task.features, map(float, share), strict=True)),
    }


def markdown(report: dict[str, Any], quantities: Quantities, pictures: Sequence[tuple[str, str]]) -> str:
    """The data report as Markdown.

    Args:
        report: from ``describe``. quantities: the task, whose words it takes.
        pictures: (title, file name) in order.
    """
    source, target, asset = report["source"], quantities.target, quantities.asset
    parts = [
        f"# Data: {source['label']}",
        f"Task `{quantities.name}`: {asset.count(source['assets'])}, {quantities.time.count(source['rows'])}. "
        + _target_text(quantities, source["nominal"]),
        "\n".join(f"- {note}" for note in (*MARKS[source["preset"]], *source["notes"])),
        "## Splits",
        f"{asset.many.capitalize()} are split, never windows; stratified by group and by life.",
        _splits_table(report, quantities),
        _unused(report["unused"], quantities),
        *_public_text(report, quantities),
        "## Findings",
        _findings_text([Finding.model_validate(finding) for finding in report["findings"]], quantities),
        "## Noise",
        _noise_text(report["noise"], target),
        "## Cleaned",
        _cleaned_text(report, quantities),
        *_gaps_text(report, quantities),
        "## Ranges",
        "1st to 99th percentile after cleaning. The last column is the share of test rows beyond the 1st and 99th "
        f"percentile of the training {asset.many}: 2 % where both are alike.",
        _ranges_table(report["ranges"], quantities),
        "## Pictures",
        *(f"![{title}]({name})" for title, name in pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _target_text(quantities: Quantities, nominal: Sequence[float]) -> str:
    target = quantities.target
    values = ", ".join(f"{value:g}" for value in nominal)
    share = f"{target.quantity} over nominal {target.quantity} ({values} {target.unit})"
    what = share if target.over_nominal else f"{target.quantity} in {target.unit}"
    end = "" if target.end_of_life is None else f"; worn out at {target.end_of_life:g}"
    return f"{target.symbol}, {target.name}, is {what}, {target.direction} with wear{end}."


def _noise_text(noise: float, target: Target) -> str:
    return (
        f"One measurement of {target.symbol} has a standard deviation of {noise:.2g} here (from second differences, "
        f"median over lives); the task states {target.noise_floor:.2g}. Targets carry it too, so no mean absolute "
        f"error can fall far below {NOISE_TO_MAE * noise:.2g}."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[object]], *, text: bool = False) -> str:
    """A table of numbers, to the right of the first column, or of text."""
    lines = [header, ["---", *["---" if text else "---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _splits_table(report: dict[str, Any], quantities: Quantities) -> str:
    target, counted = quantities.target, [quantities.asset.many, quantities.time.many]
    header = ["split", *counted, "windows", "life: shortest", "median", "longest", f"{target.symbol} from", "to"]
    rows = []
    for name, part in report["splits"].items():
        life, span = part["life"], part["target"]
        shares = [part["assets"], f"{part['rows']:,}", f"{part['windows']:,}"]
        lives = [life["min"], f"{life['median']:g}", life["max"]]
        rows.append([name, *shares, *lives, *(target.shown(span[end]) for end in ("min", "max"))])
    used = report["splits"]["train"]["assets_used"]
    share = report["split"]["train_share"]
    note = (
        f"\n\nOf the training {quantities.asset.many}, {used} are used (split.train_share {share:g})."
        if share < 1
        else ""
    )
    return _table(header, rows) + note


def _unused(unused: list[dict[str, Any]], quantities: Quantities) -> str:
    if not unused:
        return f"Every {quantities.asset.one} is used."
    named = ", ".join(f"{asset['asset']} ({asset['rows']})" for asset in unused)
    return f"Left out ({unused[0]['why']}): {quantities.asset.count(len(unused))}: {named}."


def _public_text(report: dict[str, Any], quantities: Quantities) -> list[str]:
    """A section on the public sources; nothing where there are none."""
    if not report.get("public"):
        return []
    asset, time, own = quantities.asset, quantities.time, report["splits"]["train"]
    rows = [
        [part["label"], f"{part['weight']:g}", f"{part['used']} of {part['assets']}", f"{part['windows']:,}"]
        for part in report["public"]
    ]
    first = [
        f"own: {report['source']['label']}",
        "1",
        f"{own['assets_used']} of {own['assets']}",
        f"{own['windows']:,}",
    ]
    return [
        "## Sources of training",
        f"Public {asset.many} train beside the own ones, each window with the weight of its source, and are in no "
        f"other split; the shorter ones (clean.min_rows, in {time.many}) are left out. Each of their features is "
        f"shifted and stretched to mean and spread of the own training {asset.many}. All else on this page is of the "
        f"own {asset.many} alone.",
        _table(["source", "weight of a window", f"{asset.many} that train", "windows"], [first, *rows]),
    ]


def _findings_text(findings: Sequence[Finding], quantities: Quantities) -> str:
    """One table of all findings, the first ``SHOWN`` of each kind."""
    if not findings:
        return "Nothing odd was found in the files or in their values."
    rows, left_out = [], []
    for kind in Kind:
        of_kind = [finding for finding in findings if finding.kind is kind]
        rows += [[f.kind, f.asset, f.rows_shown, f.text] for f in of_kind[:SHOWN]]
        if len(of_kind) > SHOWN:
            left_out.append(f"{len(of_kind) - SHOWN} more of kind {kind.value!r}")
    rest = f"\n\nNot shown, but in report.json: {', '.join(left_out)}." if left_out else ""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    intro = f"Rows are counted from 1, within the {quantities.asset.one}. Nothing listed here stopped the run.\n\n"
    return intro + _table(["kind", quantities.asset.one, "rows", "what was found"], cells, text=True) + rest


def _cleaned_text(report: dict[str, Any], quantities: Quantities) -> str:
    cleaned, clean, symbol = report["cleaned"], report["clean"], quantities.target.symbol
    text = (
        f"Window {clean['window']}. {symbol} as input, looking back only: off its level the last sound row holds, in "
        f"{cleaned['replaced_inputs']} of {cleaned['rows']:,} rows. {symbol} as target, both sides known: "
        f"{cleaned['replaced_targets']} replaced or left out."
    )
    values = cleaned["rows"] * len(cleaned["per_feature"])
    if values:
        share = cleaned["features"] / values
        text += (
            f" Features, Hampel filter looking back only: {cleaned['features']:,} of {values:,} values ({share:.1%})."
        )
    rows = [list(asset.values()) for asset in cleaned["worst_assets"]]
    header = [f"most cleaned {quantities.asset.one}", quantities.time.many, "inputs", "targets", "feature values"]
    return text + ("\n\n" + _table(header, rows) if rows else "")


def _gaps_text(report: dict[str, Any], quantities: Quantities) -> list[str]:
    """A section on what was not measured; nothing where all was."""
    gaps, rows, time = report["gaps"], report["cleaned"]["rows"], quantities.time
    missing = {name: share for name, share in gaps["missing"].items() if share}
    if gaps["measured"] == rows and not missing:
        return []
    parts = ["## Gaps"]
    if gaps["measured"] < rows:
        parts.append(
            f"{quantities.target.symbol} was measured in {gaps['measured']:,} of {rows:,} {time.many}. Between "
            "them the last measured one is the input, and no error is counted."
        )
    if missing:
        parts.append("Values of features that were not measured; the last one holds, at first the median of training.")
        parts.append(_table(["feature", "missing"], [[name, f"{share:.1%}"] for name, share in missing.items()]))
    return parts


def _ranges_table(ranges: dict[str, dict[str, dict[str, float]]], quantities: Quantities) -> str:
    rows = [
        [
            quantities.target.symbol if name == TARGET else name,
            *(f"{part['p1']:.4g} to {part['p99']:.4g}" for part in splits.values()),
            f"{splits['test']['outside']:.1%}",
        ]
        for name, splits in ranges.items()
    ]
    return _table(["column", *SPLITS, "test outside"], rows)
