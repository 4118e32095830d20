"""``python -m studies.results.grus``: the rows of the GRU baselines in docs/results.json anew; all others stay.

For a change that touches the GRUs alone: the whole study takes hours, this takes minutes. Rows are kept in
``.cache/study/grus``, so that a run that was stopped goes on with the next split.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from dlnet.baselines.gru import fit_gru
from dlnet.config.quantities import Track
from dlnet.files import read_json, write_json, write_parquet, write_text
from studies import run
from studies.cell_split import Cells, load, make_split
from studies.config import StudyConfig
from studies.results.page import front_page, page
from studies.results.pictures import draw
from studies.results.results import DOCS, README, model_figures

CACHE = Path(".cache/study/grus")


def main() -> None:
    """Train the GRUs on every split of both tracks, and write their rows."""
    config = StudyConfig.load()
    cells, content = load(config), read_json(DOCS / "results.json")
    units = [(track, split) for track in config.study.tracks for split in config.study.splits]
    rows = pd.concat([_rows(config, cells, *unit) for unit in tqdm(units, desc="GRUs", unit="split")])
    for (track, name), part in rows.groupby(["track", "name"]):
        _replace(content["tracks"][track], str(name), part)
    write_json(DOCS / "results.json", content)
    draw(content, DOCS / "img")
    write_text(DOCS / "results.md", page(content))
    write_text(README, front_page(README.read_text(), content))


def _rows(config: StudyConfig, cells: Cells, track: Track, split: int) -> pd.DataFrame:
    parts = config.baselines.model_dump_json(), config.task.model_dump_json(), config.split.model_dump_json()
    identity = hashlib.sha256("".join(parts).encode()).hexdigest()[:12]
    path = CACHE / identity / f"{track}-{split}.parquet"
    if not path.exists():
        one, found = make_split(config, cells, track, split), []
        for name, params in config.baselines.gru.items():
            gru = fit_gru(
                name, params, one.encoder, one.training_data, one.dataset.task.channels.noise, config.baselines.seed
            )
            scores = one.score(gru.forecast(one.dataset, one.windows.validation), gru.forecast(one.dataset, one.test))
            known = {"bytes": gru.bytes, "uses_target": gru.uses_target, "track": track, "split": split}
            found.append({"kind": "baseline", "name": name, **known, **scores})
        write_parquet(path, pd.DataFrame(found))
    return pd.read_parquet(path)


def _replace(track: dict[str, Any], name: str, rows: pd.DataFrame) -> None:
    """The baseline's figures and its ratio; of single splits only the study knows the int8 model's errors."""
    uses_target = bool(rows["uses_target"].any())
    track["baselines"][name] = {**model_figures(rows), "uses_target": uses_target}
    mean = track["edge"]["mae_int8"]["mean"] / track["baselines"][name]["mae"]["mean"]
    track["ratios"][f"int8 over {name}"] = {"mean": mean, "least": None, "most": None}


if __name__ == "__main__":
    run(main, "the command goes on from the last finished split")
