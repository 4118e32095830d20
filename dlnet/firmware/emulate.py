"""An emulated Cortex-M4 (unicorn): functions of an ELF called with arrays, instructions and stack counted."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import capstone
import numpy as np
import numpy.typing as npt
import unicorn
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from unicorn import arm_const as arm

from dlnet.errors import ToolError
from dlnet.firmware.cycles import Cycles, Instruction, count

FLASH, FLASH_BYTES = 0x0000_0000, 1 << 20
RAM, RAM_BYTES = 0x2000_0000, 256 << 10
RETURN = FLASH + FLASH_BYTES - 256  # where a called function goes back to; it must be memory that can be executed
STACK = RAM + RAM_BYTES
STACK_BYTES = 32 << 10
PAINT = 0xA5
MOST_INSTRUCTIONS = 500_000_000
ARGUMENTS = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)


@dataclass(frozen=True)
class CountedRun:
    """Cost of one call: instructions, bytes of stack, modelled cycles; and the value that it returned."""

    instructions: int
    stack: int
    cycles: Cycles
    result: int


class EmulatedCore:
    """A program in the memory of an emulated microcontroller.

    Args:
        content: an ELF file.

    Raises:
        ToolError: a call left the program's memory, or did not come back.
    """

    def __init__(self, content: bytes) -> None:
        elf = ELFFile(io.BytesIO(content))
        table = elf.get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            raise ToolError("the program has no symbols; link it without -s")
        self._symbols = {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
        self._core: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._core.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._core.mem_map(FLASH, FLASH_BYTES)
        self._core.mem_map(RAM, RAM_BYTES)
        for segment in elf.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                self._core.mem_write(segment["p_vaddr"], segment.data())
        self._free = (max(self._symbols.get("end_of_bss", RAM), RAM) + 15) & ~15
        self._program_end = self._free
        self._core.reg_write(arm.UC_ARM_REG_FPEXC, 1 << 30)
        self._disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
        self._disassembler.detail = True
        self._known: dict[int, Instruction] = {}

    def put(self, array: npt.NDArray[Any]) -> int:
        """Copy an array into RAM; gives its address."""
        content = np.ascontiguousarray(array).tobytes()
        address, self._free = self._free, (self._free + len(content) + 15) & ~7
        if self._free > STACK - STACK_BYTES:
            raise ToolError("the emulated RAM is full; give it less at once")
        self._core.mem_write(address, content)
        return address

    def room(self, shape: tuple[int, ...], kind: Any) -> int:
        """Room for an array in RAM; gives its address."""
        return self.put(np.zeros(shape, kind))

    def get(self, address: int, shape: tuple[int, ...], kind: Any) -> npt.NDArray[Any]:
        """Copy an array out of RAM."""
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        return np.frombuffer(bytes(self._core.mem_read(address, size)), kind).reshape(shape).copy()

    def poke(self, address: int, array: npt.NDArray[Any]) -> None:
        """Overwrite an array in RAM."""
        self._core.mem_write(address, np.ascontiguousarray(array).tobytes())

    def reset_heap(self) -> None:
        """Free what ``put`` allocated."""
        self._free = self._program_end

    def call(self, name: str, *arguments: int) -> int:
        """Call a function with up to four words; gives the word that it returns."""
        for register, value in zip(ARGUMENTS, arguments, strict=False):
            self._core.reg_write(register, value & 0xFFFFFFFF)
        self._core.reg_write(arm.UC_ARM_REG_SP, STACK)
        self._core.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        try:
            self._core.emu_start(self._symbols[name] | 1, RETURN, count=MOST_INSTRUCTIONS)
        except KeyError as error:
            raise ToolError(f"{name}: no such function in the program") from error
        except unicorn.UcError as error:
            raise ToolError(f"{name} at 0x{self._core.reg_read(arm.UC_ARM_REG_PC):x}: {error}") from error
        if self._core.reg_read(arm.UC_ARM_REG_PC) != RETURN:
            raise ToolError(f"{name} did not come back within {MOST_INSTRUCTIONS} instructions")
        value = int(self._core.reg_read(arm.UC_ARM_REG_R0))
        return value - (1 << 32) if value >= 1 << 31 else value

    def measure(self, name: str, *arguments: int) -> CountedRun:
        """The same, counted."""
        trace: list[int] = []
        reads = [0]

        def ran(_core: Any, address: int, _size: int, _data: Any) -> None:
            trace.append(address)

        def read(_core: Any, _kind: int, address: int, size: int, _value: int, _data: Any) -> None:
            if address < FLASH + FLASH_BYTES:
                reads[0] += (address + size - 1) // 4 - address // 4 + 1

        self._core.mem_write(STACK - STACK_BYTES, bytes([PAINT]) * STACK_BYTES)
        self._core.ctl_flush_tb()  # code translated before a hook was added would run past it
        hooks = [
            self._core.hook_add(unicorn.UC_HOOK_CODE, ran),
            self._core.hook_add(unicorn.UC_HOOK_MEM_READ, read),
        ]
        try:
            result = self.call(name, *arguments)
        finally:
            for hook in hooks:
                self._core.hook_del(hook)
        painted = np.frombuffer(bytes(self._core.mem_read(STACK - STACK_BYTES, STACK_BYTES)), np.uint8)
        stack = STACK_BYTES - int(np.argmax(painted != PAINT)) if (painted != PAINT).any() else 0
        run = [self._instruction(address) for address in trace]
        return CountedRun(len(run), stack, count(run, reads[0]), result)

    def _instruction(self, address: int) -> Instruction:
        if address not in self._known:
            one = next(self._disassembler.disasm(bytes(self._core.mem_read(address, 4)), address))
            listed = [o for o in one.operands if o.type == capstone.arm.ARM_OP_REG]
            based = one.mnemonic.startswith(("ldm", "stm", "vldm", "vstm"))
            registers = 2 if one.mnemonic.startswith(("ldrd", "strd")) else len(listed) - based
            self._known[address] = Instruction(address, one.size, one.mnemonic, registers)
        return self._known[address]
