"""Quantities that no task has become a task file, which then reads the folder as any other does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_folders import small_project, write_lives

from dlnet.config.quantities import load_quantities
from dlnet.errors import DataError
from dlnet.importing import Choices, Settings, look


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return small_project(tmp_path)


def filters(folder: Path, rising: float = 1.0) -> Path:
    """Air filters: hours, air flow (m3/h), pressure drop (Pa)."""
    folder.mkdir()
    for number in range(1, 7):
        rng = np.random.default_rng(number)
        hours = np.arange(80) * 8.0
        drop = 60 + rising * hours * 0.05 * (1 + 0.1 * number) + rng.normal(0, 0.4, 80)
        table = pd.DataFrame({"hours": hours, "air flow (m3/h)": 900 + rng.normal(0, 5, 80), "dp_pa": drop})
        table.round(3).to_csv(folder / f"filter-{number}.csv", index=False)
    return folder


def test_a_new_task_has_the_words_units_and_limits_of_the_columns(settings):
    proposal = look(filters(Path("filters")), settings, Choices(task="filter", target="dp_pa"))
    task, target = proposal.quantities, proposal.quantities.target
    assert (task.asset.one, task.asset.many) == ("filter", "filters")
    assert (task.time.unit, task.time.step) == ("h", 8)
    assert (target.quantity, target.unit, target.direction, target.over_nominal) == ("dp", "Pa", "rising", False)
    assert target.range[0] == 0
    assert target.range[1] > 60 + 640 * 0.05 * 1.6
    assert 0.2 < target.noise_floor < 0.8  # 0.4 by construction
    assert task.features == {"air flow": "m3/h"}
    chosen = proposal.values()
    assert chosen["data.csv.time"] == "hours"
    assert chosen["data.csv.features"] == {"air flow": "air flow (m3/h)"}
    assert chosen["data.csv.nominal"] is None


def test_a_falling_target_is_seen(settings):
    proposal = look(filters(Path("filters"), -1.0), settings, Choices(task="filter", target="dp_pa"))
    assert proposal.quantities.target.direction == "falling"


def test_a_nominal_value_makes_the_target_a_share(settings):
    proposal = look(filters(Path("filters"), -1.0), settings, Choices(task="filter", target="dp_pa", nominal=60))
    target = proposal.quantities.target
    assert (target.over_nominal, target.range, target.symbol) == (True, (0.0, 1.5), "relative dp")


def test_the_text_of_the_file_is_the_task(settings):
    proposal = look(filters(Path("filters")), settings, Choices(task="filter", target="dp_pa"))
    Path("tasks/filter.yaml").write_text(proposal.task_text)
    assert load_quantities("filter") == proposal.quantities


def test_a_second_look_with_the_file_proposes_the_same(settings):
    folder, choices = filters(Path("filters")), Choices(task="filter", target="dp_pa")
    first = look(folder, settings, choices)
    Path("tasks/filter.yaml").write_text(first.task_text)
    second = look(folder, settings, Choices(task="filter"))
    assert second.task_text is None
    assert second.values() == first.values()


def test_a_target_without_a_direction_is_one_line(settings):
    folder = filters(Path("filters"))
    for number, path in enumerate(sorted(folder.iterdir())):
        table = pd.read_csv(path)
        table["dp_pa"] = table["dp_pa"].to_numpy()[:: 1 if number % 2 else -1]
        table.to_csv(path, index=False)
    with pytest.raises(DataError, match="column 'dp_pa' neither falls nor rises in four of five files"):
        look(folder, settings, Choices(task="filter", target="dp_pa"))


def test_a_folder_of_another_task_names_no_task_of_its_own(settings):
    proposal = look(write_lives(Path("cells")), settings, Choices(task="battery"))
    assert proposal.task_text is None
