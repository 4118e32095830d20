"""A saved model is one self-contained folder; ``dlnet.load`` opens every kind."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import helper_paths
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from synthetic_dataset import synthetic_encoder, task

import dlnet
from dlnet.baselines.boosting import fit_boosting_for
from dlnet.baselines.ridge import fit_ridge
from dlnet.baselines.saved import save_baseline
from dlnet.baselines.trends import Trend
from dlnet.errors import ModelError
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel

helper_paths.use("baselines", "registry")

from saved_models import save_as_edge  # noqa: E402
from small_grid import baselines_params as params  # noqa: E402

ROOT = Path(__file__).parent.parent
TRACKS = ("with_target", "sensors_only")
KINDS = ("network", "edge", "ridge", "boosting", "boosting on ridge", "trend")


def fitted(kind, track):
    """A model of a kind, its dataset, and validation windows."""
    dataset, encoder = synthetic_encoder(track)
    ends = dataset.windows("validation", 3)
    config = net_config(encoder, "liquid", 5, "euler", 1)
    network = TrainedModel("one", encoder, config, initial(config, [1, 2] if kind == "network" else [1]))
    ridge = fit_ridge(dataset, task(track), params())
    model = {
        "network": lambda: network,
        "edge": lambda: network,
        "ridge": lambda: ridge,
        "boosting": lambda: fit_boosting_for(dataset, task(track), params(), "absolute"),
        "boosting on ridge": lambda: fit_boosting_for(dataset, task(track), params(), "ridge", ridge),
        "trend": lambda: Trend(1, 8, 10),
    }[kind]()
    return model, dataset, ends


def save(kind, model, dataset, folder):
    if kind == "network":
        model.save(folder, dataset)
    elif kind == "edge":
        save_as_edge(folder, model, dataset, 3)
    else:
        save_baseline(folder, "one", model, dataset)


@pytest.fixture(
    params=[(kind, track) for kind in KINDS for track in TRACKS if (kind, track) != ("trend", "sensors_only")]
)
def saved(request, tmp_path):
    kind, track = request.param
    model, dataset, ends = fitted(kind, track)
    save(kind, model, dataset, tmp_path / "saved/here")
    return kind, model, dataset, ends, tmp_path / "saved/here"


def test_a_moved_copy_forecasts_as_the_model_before_saving(saved, tmp_path):
    kind, model, dataset, ends, folder = saved
    shutil.copytree(folder, tmp_path / "a copy of it")
    shutil.rmtree(tmp_path / "saved")
    loaded = dlnet.load(tmp_path / "a copy of it")
    found = loaded.predict(dataset.histories(ends, loaded.features))
    if kind == "edge":
        assert np.abs(found - model.forecast(dataset, ends)).max() < 2e-3
    else:
        np.testing.assert_array_equal(found, model.forecast(dataset, ends))
    error = np.abs(found.astype(np.float64) - dataset.targets(ends))
    assert loaded.document.validation.mae == pytest.approx(error.mean())
    assert loaded.document.validation.by_horizon == pytest.approx(error.mean(axis=0))


def test_another_format_is_an_error_of_one_line(saved):
    path = saved[-1] / "model.json"
    path.write_text(path.read_text().replace("dlnet-model/3", "dlnet-model/2"))
    with pytest.raises(ModelError, match=r"model.json: made by an older version .*; run dvc repro") as caught:
        dlnet.load(saved[-1])
    assert "\n" not in str(caught.value)


def test_an_unknown_kind_and_a_folder_without_a_model_are_named(saved, tmp_path):
    path = saved[-1] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kind": "oracle"}))
    with pytest.raises(ModelError, match="kind 'oracle' is not one of network, trend"):
        dlnet.load(saved[-1])
    with pytest.raises(ModelError, match="no model in it"):
        dlnet.load(tmp_path)


@pytest.mark.parametrize(("kind", "absent"), [("edge", "torch"), ("edge", "sklearn"), ("ridge", "sklearn"),
                                              ("boosting", "sklearn"), ("trend", "torch")])  # fmt: skip
def test_a_kind_imports_only_what_it_needs(tmp_path, kind, absent):
    model, dataset, _ = fitted(kind, "with_target")
    save(kind, model, dataset, tmp_path / "m")
    code = f"import sys, dlnet; dlnet.load({str(tmp_path / 'm')!r}); assert {absent!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


OPENERS = {"open_network", "load_network", "open_edge", "open_trend", "open_ridge", "open_boosting"}
TRAINING = {"compress", "distill"}  # stages that continue training a network open it themselves


def test_a_model_is_opened_in_one_place():
    """Code that forecasts, compiles, reports or registers opens models by ``dlnet.load``."""
    owners = {"dlnet/saved.py", "dlnet/models/trained.py", "dlnet/export/saved.py", "dlnet/baselines/saved.py"}
    owners |= {"dlnet/distill/trees.py"}  # a teacher of networks and boosting is two saved models
    allowed = owners | {f"stages/{name}.py" for name in TRAINING}
    found = {}
    for path in [*(ROOT / "dlnet").rglob("*.py"), *(ROOT / "stages").rglob("*.py")]:
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        if names & OPENERS and str(path.relative_to(ROOT)) not in allowed:
            found[str(path.relative_to(ROOT))] = names & OPENERS
    assert found == {}


def changed(value):
    """The content of params.yaml with every value replaced by another one."""
    if isinstance(value, dict):
        return {key: changed(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(reversed(value))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value + 2
    return f"{value}x"


@pytest.mark.parametrize("content", ["changed", "gone"])
def test_no_change_of_params_changes_what_a_saved_model_does(tmp_path, monkeypatch, content):
    from dlnet.cli import main

    model, dataset, _ = fitted("edge", "with_target")
    save("edge", model, dataset, tmp_path / "m")
    rows = pd.read_parquet(ROOT / "data/embedded.parquet").head(60)
    rng = np.random.default_rng(0)
    cell = pd.DataFrame({"capacity": rows["quantity"].to_numpy() / rows["nominal"].to_numpy() * 1.1})
    for name in dataset.feature_names:
        cell[name] = rng.normal(1, 0.1, len(cell))
    cell.loc[40, "capacity"] *= 0.9  # an outlier: cleaning matters
    cell.to_csv(tmp_path / "cell.csv", index=False)
    monkeypatch.chdir(tmp_path)
    outputs = []
    for turn in ("as it is", content):
        yaml = YAML(typ="safe").load(ROOT / "params.yaml")
        if turn == "changed":
            yaml = changed(yaml)
        with Path("params.yaml").open("w") as stream:
            YAML().dump(yaml, stream)
        if turn == "gone":
            Path("params.yaml").unlink()
        assert main(["firmware", "--model", "m", "--out", f"fw {turn}"]) == 0
        assert main(["forecast", "cell.csv", "--model", "m", "--out", f"fc {turn}"]) == 3  # unlike those of training
        files = sorted(path for where in ("fw", "fc") for path in Path(f"{where} {turn}").iterdir())
        outputs.append([path.read_bytes() for path in files])
    assert len(outputs[0]) == 7  # with a marker in each folder
    assert outputs[0] == outputs[1]
