"""A linked program as its ELF file gives it: segments of memory, functions by name. Every number is checked.

The file may come from anyone. It is read as tables of known size, because pyelftools follows the counts and sizes that
a damaged file claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from dlnet.errors import ToolError

MOST_FILE = 64 << 20  # bytes
MOST_MEMORY = 64 << 20  # bytes of all segments; more than any microcontroller has
MOST_SEGMENTS, MOST_SECTIONS, MOST_SYMBOLS = 64, 4096, 500_000
MAGIC = b"\x7fELF\x01\x01"  # 32 bits, little-endian
MACHINES = {40: "Arm", 243: "RISC-V"}
LINKED, LOADED, SYMBOLS = 2, 1, 2  # ET_EXEC, PT_LOAD, SHT_SYMTAB
EXECUTABLE, WRITABLE = 1, 2
VECTORS = (0, 0x100)  # where a vector table may be in the first segment; the second: behind the boot code of an RP2040
FILE = "ident:V16 type:<u2 machine:<u2 version:<u4 entry:<u4 segments:<u4 sections:<u4 flags:<u4 size:<u2 "
FILE += "segment_size:<u2 segment_count:<u2 section_size:<u2 section_count:<u2 names:<u2"
SEGMENT = "type:<u4 offset:<u4 address:<u4 stored:<u4 in_file:<u4 size:<u4 flags:<u4 align:<u4"
SECTION = "name:<u4 type:<u4 flags:<u4 address:<u4 offset:<u4 size:<u4 link:<u4 info:<u4 align:<u4 entry:<u4"
SYMBOL = "name:<u4 value:<u4 size:<u4 info:u1 other:u1 section:<u2"


@dataclass(frozen=True)
class Segment:
    """Memory that a program takes when it runs.

    Attributes:
        address, size: where, bytes. content: its first bytes; the rest is zero. stored: where the content is kept
            before the program starts, such as that of variables in flash.
    """

    address: int
    size: int
    content: bytes
    stored: int
    executable: bool
    writable: bool

    @property
    def place(self) -> tuple[int, int]:
        """Start and end of where its content is stored."""
        return self.stored, self.stored + len(self.content)

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.size

    def holds(self, address: int) -> bool:
        """Whether an address is within."""
        return self.address <= address < self.end


@dataclass(frozen=True)
class Program:
    """What an ELF file says.

    Attributes:
        machine: a value of ``MACHINES``. segments: by address, none overlaps another. symbols: addresses by name.
        heap: start and end of the RAM between the last variable and the stack, if a vector table says where that is.
    """

    machine: str
    segments: tuple[Segment, ...]
    symbols: dict[str, int]
    heap: tuple[int, int] | None

    def runs_at(self, address: int) -> bool:
        """Whether there is code at an address."""
        return any(one.executable and one.holds(address) for one in self.segments)


def read_program(content: bytes, name: str) -> Program:
    """The program in an ELF file.

    Args:
        name: of the file, for messages.

    Raises:
        ToolError: it is no linked program of 32 bits for Arm or RISC-V, is damaged, or takes more memory than allowed.
    """
    if len(content) > MOST_FILE:
        raise ToolError(f"{name}: {len(content):,} bytes; a program for a microcontroller has at most {MOST_FILE:,}")
    if not content.startswith(MAGIC):
        raise ToolError(f"{name}: no ELF file of 32 bits, little-endian; name the .elf file that a build wrote")
    file = _table(content, FILE, 0, 1, name, "file header")[0]
    machine = MACHINES.get(int(file["machine"]))
    if machine is None:
        raise ToolError(f"{name}: for machine {file['machine']}; only {' and '.join(MACHINES.values())} are emulated")
    if file["type"] != LINKED:
        raise ToolError(f"{name}: not linked (type {file['type']}); name the .elf file that a build wrote")
    segments = _segments(content, file, name)
    symbols = _symbols(content, file, name)
    program = Program(machine, segments, symbols, _heap(segments))
    if not program.runs_at(int(file["entry"]) & ~1):
        raise ToolError(f"{name}: begins at 0x{file['entry']:x}, where it has no code; build it again")
    return program


def _table(content: bytes, fields: str, offset: int, count: int, name: str, what: str) -> np.ndarray:
    kind = np.dtype([(field, code) for field, _, code in (word.partition(":") for word in fields.split())])
    if offset + count * kind.itemsize > len(content):
        raise ToolError(f"{name}: ends within its {what} (byte {len(content):,}); copy or build it again")
    return np.frombuffer(content, kind, count, offset)


def _segments(content: bytes, file: Any, name: str) -> tuple[Segment, ...]:
    count = int(file["segment_count"])
    if count > MOST_SEGMENTS:
        raise ToolError(f"{name}: {count} segments; at most {MOST_SEGMENTS} are read")
    rows = _table(content, SEGMENT, int(file["segments"]), count, name, "table of segments")
    loaded = sorted((_segment(content, row, name) for row in rows if row["type"] == LOADED), key=lambda s: s.address)
    segments = tuple(one for one in loaded if one.size)
    if not segments:
        raise ToolError(f"{name}: no segment to load; name the .elf file that a build wrote")
    if (total := sum(one.size for one in segments)) > MOST_MEMORY:
        raise ToolError(f"{name}: takes {total:,} bytes of memory; at most {MOST_MEMORY:,} are emulated")
    _check_apart([(one.address, one.end) for one in segments], name, "use")
    _check_apart([one.place for one in segments if one.content], name, "are stored in")
    return segments


def _segment(content: bytes, row: Any, name: str) -> Segment:
    address, size, offset, in_file, stored, flags = (
        int(row[field]) for field in ("address", "size", "offset", "in_file", "stored", "flags")
    )
    if in_file > size or max(address + size, stored + in_file) > 1 << 32:
        raise ToolError(f"{name}: the segment at 0x{address:x} is larger than its memory; build it again")
    if offset + in_file > len(content):
        raise ToolError(f"{name}: ends within the segment at 0x{address:x}; copy or build it again")
    kept = content[offset : offset + in_file]
    return Segment(address, size, kept, stored, bool(flags & EXECUTABLE), bool(flags & WRITABLE))


def _check_apart(ranges: Sequence[tuple[int, int]], name: str, verb: str) -> None:
    for (_, end), (start, _) in pairwise(sorted(ranges)):
        if start < end:
            raise ToolError(f"{name}: two segments {verb} the memory at 0x{start:x}; build it again")


def _symbols(content: bytes, file: Any, name: str) -> dict[str, int]:
    count = int(file["section_count"])
    if count > MOST_SECTIONS:
        raise ToolError(f"{name}: {count} sections; at most {MOST_SECTIONS} are read")
    sections = _table(content, SECTION, int(file["sections"]), count, name, "table of sections")
    table = next((one for one in sections if one["type"] == SYMBOLS), None)
    if table is None or table["link"] >= count:
        raise ToolError(f"{name}: the program has no symbols; link it without -s")
    number = int(table["size"]) // np.dtype("V16").itemsize
    if number > MOST_SYMBOLS:
        raise ToolError(f"{name}: {number:,} symbols; at most {MOST_SYMBOLS:,} are read")
    rows = _table(content, SYMBOL, int(table["offset"]), number, name, "table of symbols")
    names = sections[table["link"]]
    start, size = int(names["offset"]), int(names["size"])
    if start + size > len(content):
        raise ToolError(f"{name}: ends within the names of its symbols; copy or build it again")
    text = content[start : start + size]
    defined = rows[rows["section"] != 0]
    ordered = defined[np.argsort(defined["info"] >> 4, kind="stable")]  # a global one counts more than a local one
    return {_text(text, int(row["name"])): int(row["value"]) for row in ordered}


def _text(names: bytes, start: int) -> str:
    """The string that begins at ``start``, as far as any name of this project could go."""
    return names[start : start + 256].split(b"\0", 1)[0].decode("ascii", errors="replace")


def _heap(segments: Sequence[Segment]) -> tuple[int, int] | None:
    words = (segments[0].content[at : at + 8] for at in VECTORS)
    for stack, reset in (np.frombuffer(two, "<u4").tolist() for two in words if len(two) == 8):
        code = reset & 1 and any(one.executable and one.holds(reset & ~1) for one in segments)
        below = [one.end for one in segments if one.writable and one.end <= stack <= one.end + MOST_MEMORY]
        if code and stack % 4 == 0 and below:
            return max(below), stack
    return None
