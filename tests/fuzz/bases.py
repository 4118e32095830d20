"""Small sound models of every kind, as the files of their folders, from which the fuzzer makes damaged ones."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dlnet.baselines.forest import ARRAYS
from dlnet.baselines.saved import WEIGHTS, BoostingDocument, RidgeDocument, RidgeShape, TrendDocument
from dlnet.baselines.summaries import Knots, Summary
from dlnet.data.csvfiles import same_names
from dlnet.data.encode import Encoder
from dlnet.export.edge import DeviceModel
from dlnet.export.golden import save_golden
from dlnet.export.saved import GOLDEN
from dlnet.files import write_tensors
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import CLEAN, QUANTITIES, random_model
from dlnet.models.architectures import Config, count_parameters, initial
from dlnet.models.document import FILE, DataFacts, ForecastErrors
from dlnet.models.gru import GruConfig
from dlnet.models.network import NetConfig
from dlnet.models.precision import Precision
from dlnet.models.trained import NetworkDocument
from tests.firmware.firmware_models import FLOORED, RISING, SHARE, asset, form_inputs, windows
from tests.saved_models import save_device_model

ROWS = 12  # of the asset's file, beyond the window
SMALL: dict[str, Any] = {"hidden": 3, "features": 3, "relative": 2, "quantiles": 5, "steps": 4, "block": 3}
SMALL |= {"knots": (2, 5, 9)}
EDGES: dict[str, dict[str, Any]] = {
    "liquid": {},
    "ltc": {"cell": "ltc", "hidden": 4, "quantiles": 0},
    "substeps": {"substeps": 3, "hidden": 2, "steps": 8, "block": 1},
    "low rank": {"rank": 2, "hidden": 5},
    "branches": {"branches": 3, "cell": "ltc"},
    "pruned": {"hidden": 1, "features": 1, "relative": 0, "skip": "none", "steps": 1, "block": 8, "knots": (1,)},
    "sensors only": {"with_target": False, "features": 4, "quantiles": 0},
    "sensors only, scores": {"with_target": False, "cell": "ltc", "branches": 2},
    "4 bits": {"precision": Precision.of(4), "rank": 3, "branches": 2},
    "rising": {"quantities": RISING},
    "share": {"quantities": SHARE, "relative": 3, "quantiles": 0},
    "floors": {"quantities": FLOORED, "features": 4},
    "long": {"knots": (1, 2, 300), "gain": 4.0, "steps": 10, "block": 1},
    "linear form": {"form": RandomForm("linear", features=2, history=(20,))},
    "quadratic form": {"form": RandomForm("quadratic", features=1, youth=(2, 7), age=True)},
    "forest": {"form": RandomForm("forest", features=3, trees=3, age=True)},
    "blend": {"form": RandomForm("quadratic", features=2, history=(20, 30), weight=19661)},
    "blend, sensors only": {"with_target": False, "form": RandomForm("linear", youth=(0, 12), weight=3)},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "liquid network": {"cell": "liquid", "solver": "euler"},
    "ltc network": {"cell": "ltc", "solver": "rk4", "rank": 2},
    "network of branches": {"cell": "liquid", "solver": "euler", "branches": 2, "bits": 8},
    "gru": {"cell": "gru"},
}


@dataclass(frozen=True)
class Base:
    """A sound model.

    Attributes:
        files: name -> content, of its folder. asset: a CSV file that it can forecast.
    """

    name: str
    files: dict[str, bytes]
    asset: bytes

    @property
    def edge(self) -> bool:
        """Whether firmware can be made of it."""
        return self.name in EDGES

    @cached_property
    def documents(self) -> dict[str, Any]:
        """Content of its JSON files."""
        return {name: json.loads(content) for name, content in self.files.items() if name.endswith(".json")}


def bases() -> list[Base]:
    """All of them; the same ones each time."""
    edges = [_edge(name, random_model(**{**SMALL, **shape})) for name, shape in EDGES.items()]
    model = random_model(**SMALL)
    networks = [_network(name, model, shape) for name, shape in NETWORKS.items()]
    return [*edges, *networks, _trend(model), _ridge(model), _boosting(model, None), _boosting(model, _summary(model))]


def _made(name: str, model: DeviceModel, write: Callable[[Path], object]) -> Base:
    values = asset(model, model.codec.window + ROWS)
    nominal = 1.1 if model.quantities.target.over_nominal else 1.0
    first = [model.quantities.target.quantity] if model.codec.target is not None else []
    values[:, : len(first)] *= nominal
    head = ",".join([*first, *model.encoder.features])
    rows = "\n".join(",".join(f"{value!r}" for value in row) for row in values.tolist())
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return Base(name, files, f"{head}\n{rows}\n".encode())


def _edge(name: str, model: DeviceModel) -> Base:
    def write(folder: Path) -> None:
        save_device_model(folder, model)
        save_golden(folder / GOLDEN, model.spec, *windows(model, 2), form_inputs(model, 2))

    return _made(name, model, write)


def _facts(model: DeviceModel, name: str) -> dict[str, Any]:
    target, encoder = model.quantities.target, model.encoder
    data = DataFacts(
        source="synthetic",
        label="synthetic",
        simulated=True,
        nominal=(1.0,),
        columns=same_names(target.quantity, target.unit, encoder.features),
    )
    zeros = ForecastErrors(mae=0, rmse=0, asset_mae=0, by_horizon=(0.0,) * encoder.horizon)
    return {"name": name, "quantities": QUANTITIES, "clean": CLEAN, "data": data, "validation": zeros}


def _network(name: str, model: DeviceModel, shape: dict[str, Any]) -> Base:
    encoder = model.encoder
    common = {"hidden": 3, "channels": len(encoder.channels), "steps": encoder.steps, "skip": "last", "level": False}
    common |= {"knots": encoder.knots, "horizon": encoder.horizon}
    config: Config = GruConfig(**common) if name == "gru" else NetConfig(**common, **{"substeps": 1} | shape)
    parameters = initial(config, [1, 2])

    def write(folder: Path) -> None:
        document = NetworkDocument(
            **_facts(model, name),
            encoder=encoder,
            config=config,
            parameters=count_parameters(parameters),
            metrics={},
            lineage={},
        )
        document.write(folder / FILE)
        write_tensors(folder / WEIGHTS, {key: value.detach().numpy() for key, value in parameters.items()})

    return _made(name, model, write)


def _trend(model: DeviceModel) -> Base:
    document = TrendDocument(**_facts(model, "line"), degree=1, length=8, horizon=model.encoder.horizon)
    return _made("trend", model, lambda folder: document.write(folder / FILE))


def _summary(model: DeviceModel) -> RidgeShape:
    encoder: Encoder = model.encoder
    return RidgeShape(
        summary=Summary(True, encoder.features[:2], encoder.window, encoder.block), knots=Knots(encoder.knots, True)
    )


def _ridge_arrays(shape: RidgeShape, prefix: str) -> dict[str, np.ndarray]:
    rng, width, knots = np.random.default_rng(0), shape.summary.width, len(shape.knots.at)
    arrays = {
        "center": rng.normal(size=width),
        "scale": rng.uniform(1, 2, width),
        "coefficients": rng.normal(size=(width + width * (width + 1) // 2, knots)) / 100,
        "intercept": rng.normal(size=knots),
    }
    return {f"{prefix}{name}": value.astype(np.float32) for name, value in arrays.items()}


def _ridge(model: DeviceModel) -> Base:
    shape = _summary(model)

    def write(folder: Path) -> None:
        RidgeDocument(**_facts(model, "ridge"), shape=shape).write(folder / FILE)
        write_tensors(folder / WEIGHTS, _ridge_arrays(shape, ""))

    return _made("ridge", model, write)


def _forest(seed: int, width: int) -> dict[str, np.ndarray]:
    """Two trees of five nodes: a split whose right child is a split."""
    rng = np.random.default_rng(seed)
    inner = np.array([1, 0, 1, 0, 0] * 2, bool)
    left, right = np.array([1, 0, 3, 0, 0, 6, 0, 8, 0, 0]), np.array([2, 0, 4, 0, 0, 7, 0, 9, 0, 0])
    arrays = {
        "first": np.array([0, 5]),
        "feature": np.where(inner, rng.integers(0, width, 10), 0),
        "threshold": np.where(inner, rng.normal(size=10), 0.0),
        "left": left,
        "right": right,
        "value": np.where(inner, 0.0, rng.normal(size=10) / 100),
    }
    return {"start": rng.normal(size=1), **{name: arrays[name] for name in ARRAYS}}


def _boosting(model: DeviceModel, start: RidgeShape | None) -> Base:
    shape = _summary(model)
    name = "boosting" if start is None else "boosting on ridge"

    def write(folder: Path) -> None:
        facts = _facts(model, name)
        BoostingDocument(**facts, shape=shape, start=start, library_bytes=10).write(folder / FILE)
        arrays = {
            f"{i}.{key}": value
            for i in range(len(shape.knots.at))
            for key, value in _forest(i, shape.summary.width).items()
        }
        write_tensors(folder / WEIGHTS, arrays | ({} if start is None else _ridge_arrays(start, "start.")))

    return _made(name, model, write)
