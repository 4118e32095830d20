"""Windows as the compiled code takes them: the codes of a network's window, then the inputs of a form."""

from __future__ import annotations

import numpy as np

from dlnet.export.layout import Spec
from dlnet.export.reference import Int16s


def records(spec: Spec, z: Int16s, x: Int16s | None) -> Int16s:
    """Windows (N, T, C) and inputs (N, P) of a form -> (N, codes); of a model that has no network or no form: less."""
    parts = [z.reshape(len(z), spec.steps * spec.channels)] if spec.has_network else []
    return np.ascontiguousarray(np.concatenate([*parts, *([] if x is None else [x])], axis=1), np.int16)
