"""Builds a checked image of the sketch with a model, for the real board or the emulated one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dlnet.device import arduino, sketch
from dlnet.device.arduino import Size
from dlnet.device.replay import Played
from dlnet.device.verify import verify, verify_emulated
from dlnet.errors import ToolError
from dlnet.export.edge import DeviceModel
from dlnet.files import read_json, write_json, write_text
from dlnet.firmware.header import header

EMULATED, REAL = "emulated", "nano33ble"
SIZES = "sizes.json"


@dataclass(frozen=True)
class CheckedImage:
    """An image that passed its checks; ``where`` describes what ran it."""

    elf: Path
    sizes: tuple[Size, ...]
    played: Played
    where: str


def make(model: DeviceModel, board: str, builder: str | None, out: Path) -> CheckedImage:
    """Build, check the sizes, run self test and a replay.

    Args:
        board: ``emulated`` or ``nano33ble``. builder: ``arduino-cli`` or ``arduino-builder``; None: what is installed.
        out: an empty folder.

    Raises:
        ToolError: a tool is missing or failed. DeviceError: the image differs from the reference.
    """
    with tempfile.TemporaryDirectory(prefix="dlnet-") as name:
        text = Path(name) / "model_data.h"
        write_text(text, header(model))
        staged = sketch.stage(text, Path(name) / "book")
        sizes = _build(staged, board, builder, out)
    write_json(out / SIZES, [asdict(size) for size in sizes])
    elf = out / f"{sketch.SKETCH}.ino.elf"
    if not elf.is_file():
        raise ToolError(f"{elf}: the builder reported success, but wrote no such file")
    if board == EMULATED:
        return CheckedImage(elf, sizes, verify_emulated(elf, model), "over the serial line of the emulated board")
    return CheckedImage(elf, sizes, verify(elf, model), "in an emulated core")


def _build(staged: Path, board: str, builder: str | None, out: Path) -> tuple[Size, ...]:
    if board == REAL:
        if builder == sketch.BUILDER:
            raise ToolError(f"{sketch.BUILDER} cannot build for the real board: its platform needs {arduino.CLI}")
        return arduino.build_real(staged, out)
    if builder == arduino.CLI or (builder is None and shutil.which(sketch.BUILDER) is None):
        return arduino.build_emulated(staged, out)
    sketch.build(staged, out)
    return ()


def read_sizes(build: Path) -> Sequence[Size]:
    """Sizes that ``make`` wrote into the folder ``build``."""
    return [Size(str(entry["part"]), int(entry["bytes"]), int(entry["most"])) for entry in read_json(build / SIZES)]
