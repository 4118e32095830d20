"""Models as MLflow loads them: code, files and a signature; no pickle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dlnet.registry.publication import Model

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

CODE = Path(__file__).parent
EDGE_CODE = CODE / "edge_model.py"
FLOAT_CODE = CODE / "float_model.py"
FORM_CODE = CODE / "form_model.py"
EDGE_PACKAGES = ("mlflow", "numpy", "ai-edge-litert")
FORM_PACKAGES = ("mlflow", "numpy", "pydantic", "safetensors")
FLOAT_PACKAGES = ("mlflow", "numpy", "safetensors", "torch")


def requirements(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Pins of installed packages, without local suffixes such as ``+cpu``."""
    return tuple(f"{name}=={version(name).partition('+')[0]}" for name in packages)


def save_model(model: Model, path: Path, *, model_id: str, run_id: str) -> None:
    """Write ``model`` to the folder ``path`` in MLflow's layout (pyfunc, models-from-code)."""
    import mlflow.pyfunc
    from mlflow.models import Model as Metadata

    with tempfile.TemporaryDirectory() as folder:
        # Copied under their published names: MLflow keeps the file's name.
        files = {name: Path(folder) / name for name in (*model.files, *model.texts)}
        for name, file in model.files.items():
            shutil.copyfile(file, files[name])
        for name, text in model.texts.items():
            files[name].write_text(text)
        for name, file in model.brings.items():
            copy = Path(folder) / "brought" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        tops = sorted({name.partition("/")[0] for name in model.brings})
        mlflow.pyfunc.save_model(
            str(path),
            python_model=str(model.code),
            code_paths=[str(Path(folder) / "brought" / top) for top in tops] or None,
            artifacts={name: str(file) for name, file in files.items()},
            signature=signature(model.example, model.horizon),
            input_example=dict(model.example),
            pip_requirements=list(model.requirements),
            metadata={"dlnet.key": model.key},
            mlflow_model=Metadata(model_id=model_id, run_id=run_id),
        )


def signature(example: Mapping[str, npt.NDArray[np.float32]], horizon: int) -> ModelSignature:
    """Named float32 tensors in, (N, horizon) target out; the first axis is free."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    single = np.dtype(np.float32)
    inputs: list[ColSpec | TensorSpec] = [
        TensorSpec(single, (-1, *array.shape[1:]), name) for name, array in example.items()
    ]
    return ModelSignature(Schema(inputs), Schema([TensorSpec(single, (-1, horizon))]))
