"""The firmware's C++ compiled for a core: an ELF to be emulated, and how many bytes of it are whose."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from dlnet.errors import ToolError
from dlnet.export.edge import DeviceModel
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.firmware.toolchain import CORTEX_M4, PROOF, Core, call, includes

ENGINE = ("dlnet_engine",)
MONITOR = ("dlnet_push", "dlnet_forecast", "dlnet_crossing")
STATE = ("dlnet_save", "dlnet_load")
PROOFS = (
    "dlnet_trace",
    "dlnet_levels",
    "dlnet_clear",
    "dlnet_encode",
    "dlnet_inputs",
    "dlnet_ahead",
    "dlnet_self_test",
    "dlnet_sizes",
)
EVERYTHING = (*ENGINE, *MONITOR, *STATE, *PROOFS)
PORTABLE = "-DDLNET_PORTABLE"


@dataclass(frozen=True)
class Image:
    """A linked program. ``content`` is the ELF file, ``flash`` and ``ram`` its bytes, ``code`` those that run."""

    content: bytes
    flash: int
    ram: int
    code: int


def build(
    model: DeviceModel, roots: Sequence[str] = EVERYTHING, flags: Sequence[str] = (), core: Core = CORTEX_M4
) -> Image:
    """Compile with the core's flags and link what ``roots`` need, and nothing else.

    Args:
        flags: more of them, such as ``PORTABLE``.

    Raises:
        ToolError: the cross compiler is missing or refused the source.
    """
    with tempfile.TemporaryDirectory(prefix="dlnet-") as name:
        folder = Path(name)
        write_text(folder / "model_data.h", header(model))
        return link(folder, [PROOF / "shim.cpp"], roots, flags, core)


def link(
    folder: Path, sources: Sequence[Path], roots: Sequence[str], flags: Sequence[str] = (), core: Core = CORTEX_M4
) -> Image:
    """Compile ``sources`` with model_data.h in ``folder``, and link from ``roots`` on."""
    kept = [f"-Wl,-u,{root}" for root in roots]
    layout = ["-nostartfiles", core.library, "-Wl,--gc-sections", f"-Wl,-e,{roots[0]}", f"-T{PROOF}/proof.ld"]
    out = folder / "image.elf"
    call([core.tool("gcc"), *core.flags, *flags, *includes(folder), *layout, *kept, *sources, "-o", out])
    return _image(out)


def _image(path: Path) -> Image:
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        text, data, bss = (elf.get_section_by_name(name) for name in (".text", ".data", ".bss"))
        table = elf.get_section_by_name(".symtab")
        if text is None or not isinstance(table, SymbolTableSection):
            raise ToolError(f"{path.name}: the linker left no code")
        stored = data.data_size if data is not None else 0
        functions = [symbol for symbol in table.iter_symbols() if symbol["st_info"]["type"] == "STT_FUNC"]
        code = sum({symbol["st_value"]: symbol["st_size"] for symbol in functions}.values())
        ram = stored + (bss["sh_size"] if bss is not None else 0)
        return Image(path.read_bytes(), text.data_size + stored, ram, code)
