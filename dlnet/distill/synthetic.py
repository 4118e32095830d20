"""Windows that nobody measured, labelled by the teacher alone: distillation with made data.

A student may ask its teacher about any window (Hinton et al. 2015, section 2; Beyer et al. 2022 on consistent
teaching). Two sources: real windows with their charge features shifted, and windows of other, simulated cells.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from dlnet.config.clean import CleanParams
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.prepare import prepare
from dlnet.data.windows import Bank
from dlnet.errors import ConfigError
from dlnet.models.network import generator, predict
from dlnet.models.trained import Student
from dlnet.train.loop import Fold


def shifted(fold: Fold, copies: int, spread: float, seed: int) -> Tensor:
    """``copies`` of all training windows, each feature shifted by a constant a window: (copies N, T, C).

    Args:
        spread: standard deviation of the shifts, in spreads of the features. seed: of the shifts.
    """
    source, parts = generator(seed), []
    width = fold.features.stop - fold.features.start
    for _ in range(copies):
        z = fold.z.clone()
        z[..., fold.features] += spread * torch.randn(len(z), 1, width, generator=source)
        parts.append(z)
    return torch.cat(parts) if parts else fold.z[:0]


def simulated(
    table: pd.DataFrame, clean: CleanParams, split: SplitParams, task: TaskParams, encoder: Encoder, stride: int
) -> Tensor:
    """Windows of the training cells of a simulated fleet, as the encoder of other cells shows them: (N, T, C).

    Args:
        table: the fleet, cleaned and dealt to splits here. stride: cycles from one window to the next.

    Raises:
        ConfigError: the encoder sees a feature that the fleet lacks.
    """
    missing = [name for name in encoder.features if name not in table.columns]
    if missing:
        raise ConfigError(
            f"params.yaml: students.simulated_stride: the simulated fleet has no {missing[0]!r}, which students "
            "see; set it to 0"
        )
    made = prepare(table, {"source": "embedded"}, clean, split, task)
    bank = Bank.from_tables(made.rows, made.cells, made.task)
    return torch.from_numpy(encoder.encode(bank, bank.windows("train", stride, labelled=False)))


def taught_on(fold: Fold, teacher: Student, z: Tensor) -> Fold:
    """The fold with further windows ``z`` (N, T, C) that only the teacher labels.

    The teacher sees what the students see: it must have their encoder. Other knowledge than forecasts (hidden path,
    spread, attention) is not made for them, and is left out of the fold.
    """
    nothing = torch.full((len(z), fold.change.shape[1]), torch.nan)
    together = torch.cat([fold.z, z])
    return replace(
        fold,
        z=together,
        change=torch.cat([fold.change, nothing]),
        teacher=predict(teacher.parameters, together, teacher.config).mean(0),
        spread=None,
        hint=None,
        attention=None,
    )
