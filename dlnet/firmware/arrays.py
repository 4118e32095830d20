"""Static arrays of a model's header."""

from __future__ import annotations

from typing import Any

import numpy as np

LAYOUT = {f"{sign}int{8 * size}_t": f"<{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4)}
LAYOUT["float"] = "<f4"


class Array:
    """One static array of the model: its C type and name, its values, and the bytes that they take on the device."""

    def __init__(self, kind: str, name: str, values: Any) -> None:
        content = np.asarray(values, np.float32 if kind == "float" else np.int64)
        if content.size == 0:  # C++ has no empty arrays; nothing reads this one
            content = np.zeros((1,) * content.ndim, content.dtype)
        self.kind, self.name, self.values = kind, name, content
        self.size = "".join(f"[{length}]" for length in content.shape)
        self.bytes = content.astype(LAYOUT[kind]).tobytes()
