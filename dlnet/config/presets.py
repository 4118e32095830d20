"""Named sets of values of params.yaml, such as those of a first look at one's own assets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import JsonValue, model_validator

from dlnet.config.base import Section, read_yaml

PRESETS = Path(__file__).parent / "presets.yaml"

Preset = Literal["default", "quick"]
"""Value of ``preset`` in params.yaml; results of any but ``default`` are marked."""


class Presets(Section):
    """Dotted key -> value, for each preset; all have the same keys, so that each replaces any other as a whole."""

    default: dict[str, JsonValue]
    quick: dict[str, JsonValue]

    @model_validator(mode="after")
    def _same_keys(self) -> Self:
        if differing := sorted(self.default.keys() ^ self.quick.keys()):
            raise ValueError(f"quick: {differing[0]!r} is in one preset only; give it a value in both")
        return self


MARKS: dict[Preset, tuple[str, ...]] = {
    "default": (),
    "quick": (
        "Quick look: few and small networks, trained for few steps (preset quick). For figures that count: "
        "dlnet set --preset default, then dvc repro.",
    ),
}
"""What is shown beside every result of a preset."""


def preset_values(name: Preset, path: Path = PRESETS) -> dict[str, JsonValue]:
    """Dotted key -> value of a preset.

    Raises:
        ConfigError: the file is not as it should be; names file and line.
    """
    presets = read_yaml(path, Presets)
    return presets.default if name == "default" else presets.quick
