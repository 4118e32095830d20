"""What a run on an emulated Arm core did: its instructions, and the words of data that it read from flash.

Only instructions are hooked; those that a condition skips do not show. Unicorn can also report reads, but such a hook
corrupts the state of an IT block after a conditional load: the next instructions set no flags, and the program computes
something else. So the address of a read is computed from the registers, just before its instruction runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import capstone
import unicorn
from capstone import arm as isa
from unicorn import arm_const as arm

from dlnet.firmware.cycles import WORD, Instruction

SIZES = {"ldrd": 8, "ldrb": 1, "ldrsb": 1, "ldrh": 2, "ldrsh": 2, "tbb": 1, "tbh": 2}  # bytes; of all other loads: 4


@dataclass(frozen=True)
class Read:
    """Where an instruction reads: base + (index << shift) + offset. Registers are unicorn's."""

    base: int
    index: int | None
    shift: int
    offset: int
    size: int


@dataclass(frozen=True)
class Decoded:
    """An instruction for the model of cycles, and what it reads; None: nothing, or the stack."""

    instruction: Instruction
    read: Read | None


class Tracer:
    """Follows runs of a core.

    Attributes:
        run: the instructions, in the order in which they ran. flash_words: 32-bit words of data read from flash.
    """

    def __init__(self, core: Any, in_flash: Callable[[int], bool]) -> None:
        self._core, self._in_flash = core, in_flash
        self._disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        self._disassembler.detail = True
        self._decoded: dict[int, Decoded] = {}
        self.run: list[Instruction] = []
        self.flash_words = 0

    @contextmanager
    def following(self) -> Iterator[None]:
        """Count what runs within the block, from zero."""
        self.run, self.flash_words = [], 0
        self._core.ctl_flush_tb()  # code translated before a hook was added would run past it
        hook = self._core.hook_add(unicorn.UC_HOOK_CODE, self._ran)
        try:
            yield
        finally:
            self._core.hook_del(hook)

    def _ran(self, _core: Any, address: int, _size: int, _data: Any) -> None:
        if address not in self._decoded:
            content = bytes(self._core.mem_read(address, 4))
            self._decoded[address] = _decode(next(self._disassembler.disasm(content, address)))
        known = self._decoded[address]
        self.run.append(known.instruction)
        if known.read is not None:
            self._count(known.read, address)

    def _count(self, read: Read, address: int) -> None:
        registers = self._core.reg_read
        start = (address + 4) & ~3 if read.base == arm.UC_ARM_REG_PC else registers(read.base)
        index = 0 if read.index is None else registers(read.index) << read.shift
        start = (start + index + read.offset) & 0xFFFFFFFF
        if self._in_flash(start):
            self.flash_words += (start + read.size - 1) // WORD - start // WORD + 1


def _decode(one: Any) -> Decoded:
    listed = [o for o in one.operands if o.type == isa.ARM_OP_REG]
    based = one.mnemonic.startswith(("ldm", "stm", "vldm", "vstm"))
    moved = 2 if one.mnemonic.startswith(("ldrd", "strd")) else len(listed) - based
    return Decoded(Instruction(one.address, one.size, one.mnemonic, moved), _read(one, listed))


def _read(one: Any, listed: list[Any]) -> Read | None:
    if one.mnemonic.startswith(("ldm", "vldm")):
        moved = sum(8 if one.reg_name(o.reg)[0] == "d" else 4 for o in listed[1:])
        offset = -moved if "db" in one.mnemonic else 0
        return Read(_register(one, listed[0].reg), None, 0, offset, moved)
    if not one.mnemonic.startswith(("ldr", "vldr", "tbb", "tbh")):
        return None
    memory = next(o for o in one.operands if o.type == isa.ARM_OP_MEM)
    if memory.mem.base == isa.ARM_REG_SP:
        return None
    size = next((size for name, size in SIZES.items() if one.mnemonic.startswith(name)), 4)
    if one.mnemonic.startswith("vldr") and one.reg_name(listed[0].reg)[0] == "d":
        size = 8
    index = _register(one, memory.mem.index) if memory.mem.index else None
    return Read(_register(one, memory.mem.base), index, memory.shift.value, memory.mem.disp, size)


def _register(one: Any, register: int) -> int:
    return int(getattr(arm, f"UC_ARM_REG_{one.reg_name(register).upper()}"))
