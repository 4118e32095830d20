"""An emulated microcontroller (unicorn): functions of an ELF called with arrays, instructions and stack counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import unicorn
from unicorn import arm_const as arm
from unicorn import riscv_const as riscv

from dlnet.errors import ToolError
from dlnet.firmware.cycles import Cycles, count
from dlnet.firmware.program import Program, read_program
from dlnet.firmware.tracer import Tracer

PAGE = 4096
WORK = range(0x7000_0000, 0xA000_0000, 0x0100_0000)  # where arrays and stack may be: memory that can be executed
HEAP_BYTES, STACK_BYTES = 256 << 10, 64 << 10
PAINT = 0xA5
MOST_INSTRUCTIONS = 500_000_000


@dataclass(frozen=True)
class Processor:
    """A kind of core.

    Attributes:
        registers: of a function's first four arguments; the first is also that of its result. thumb: the bit that an
            address of code carries.
    """

    architecture: int
    mode: int
    model: int
    registers: tuple[int, ...]
    stack: int
    back: int
    counter: int
    thumb: int


def _cortex(model: int) -> Processor:
    return Processor(
        architecture=unicorn.UC_ARCH_ARM,
        mode=unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS,
        model=model,
        registers=(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3),
        stack=arm.UC_ARM_REG_SP,
        back=arm.UC_ARM_REG_LR,
        counter=arm.UC_ARM_REG_PC,
        thumb=1,
    )


CORTEX_M4 = _cortex(arm.UC_CPU_ARM_CORTEX_M4)
CORTEX_M0 = _cortex(arm.UC_CPU_ARM_CORTEX_M0)  # the instructions of an M0+
RV32 = Processor(
    architecture=unicorn.UC_ARCH_RISCV,
    mode=unicorn.UC_MODE_RISCV32,
    model=riscv.UC_CPU_RISCV32_ANY,
    registers=(riscv.UC_RISCV_REG_A0, riscv.UC_RISCV_REG_A1, riscv.UC_RISCV_REG_A2, riscv.UC_RISCV_REG_A3),
    stack=riscv.UC_RISCV_REG_SP,
    back=riscv.UC_RISCV_REG_RA,
    counter=riscv.UC_RISCV_REG_PC,
    thumb=0,
)
OF_MACHINE = {"Arm": CORTEX_M4, "RISC-V": RV32}


@dataclass(frozen=True)
class CountedRun:
    """Cost of one call: instructions, bytes of stack, modelled cycles; and the value that it returned."""

    instructions: int
    stack: int
    cycles: Cycles
    result: int


class EmulatedCore:
    """A program in the memory of an emulated microcontroller.

    Memory is what the program's segments name. Arrays and the stack stand elsewhere, in memory of their own.

    Args:
        content: an ELF file. name: of the file, for messages. processor: the core; that of the file's machine.

    Raises:
        ToolError: the file is no such program; a call left the program's memory, or did not come back.
    """

    def __init__(self, content: bytes, name: str = "the program", processor: Processor | None = None) -> None:
        program = read_program(content, name)
        self._program = program
        self._processor = processor or OF_MACHINE[program.machine]
        self._core: Any = unicorn.Uc(self._processor.architecture, self._processor.mode)
        self._core.ctl_set_cpu_model(self._processor.model)
        self._work = _free(program)
        self._heap_end = self._work + HEAP_BYTES
        self._stack = self._heap_end + STACK_BYTES
        self._return = self._stack  # where a called function goes back to
        self._regions = {self._work: self._stack + PAGE, **_regions(program)}
        for start, end in self._regions.items():
            self._core.mem_map(start, end - start)
        for segment in program.segments:
            self._core.mem_write(segment.stored, segment.content)
        for segment in program.segments:
            self._core.mem_write(segment.address, segment.content)
        self._free = self._work
        if self._processor.architecture == unicorn.UC_ARCH_ARM:
            self._core.reg_write(arm.UC_ARM_REG_FPEXC, 1 << 30)
        self._tracer = Tracer(self._core, self._in_flash)

    def put(self, array: npt.NDArray[Any]) -> int:
        """Copy an array into RAM; gives its address."""
        content = np.ascontiguousarray(array).tobytes()
        address, self._free = self._free, (self._free + len(content) + 15) & ~7
        if self._free > self._heap_end:
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

    def text(self, address: int, most: int) -> bytes:
        """The string at an address, of at most ``most`` bytes.

        Raises:
            ToolError: there is no memory.
        """
        start = address & 0xFFFFFFFF
        end = next((end for begin, end in self._regions.items() if begin <= start < end), None)
        if end is None:
            raise ToolError(f"no memory at 0x{start:x}, where a text should be")
        return bytes(self._core.mem_read(start, min(most, end - start))).split(b"\0", 1)[0]

    def poke(self, address: int, array: npt.NDArray[Any]) -> None:
        """Overwrite an array in RAM."""
        self._core.mem_write(address, np.ascontiguousarray(array).tobytes())

    def reset_heap(self) -> None:
        """Free what ``put`` allocated."""
        self._free = self._work

    def call(self, name: str, *arguments: int) -> int:
        """Call a function with up to four words; gives the word that it returns."""
        chip, address = self._processor, self._program.symbols.get(name, -1)
        if not self._program.runs_at(address & ~chip.thumb):
            raise ToolError(f"{name}: no such function in the program")
        for register, value in zip(chip.registers, arguments, strict=False):
            self._core.reg_write(register, value & 0xFFFFFFFF)
        self._core.reg_write(chip.stack, self._stack)
        self._core.reg_write(chip.back, self._return | chip.thumb)
        try:
            self._core.emu_start(address | chip.thumb, self._return, count=MOST_INSTRUCTIONS)
        except unicorn.UcError as error:
            raise ToolError(f"{name} at 0x{self._core.reg_read(chip.counter):x}: {error}") from error
        if self._core.reg_read(chip.counter) != self._return:
            raise ToolError(f"{name} did not come back within {MOST_INSTRUCTIONS} instructions")
        value = int(self._core.reg_read(chip.registers[0]))
        return value - (1 << 32) if value >= 1 << 31 else value

    def measure(self, name: str, *arguments: int) -> CountedRun:
        """The same on a Cortex-M4, counted.

        The call runs twice from the same state, first without a tracer: so what is counted is what runs elsewhere.

        Raises:
            ToolError: also where the counted run left another result, or another byte in memory.
        """
        bottom = self._stack - STACK_BYTES
        self._core.mem_write(bottom, bytes([PAINT]) * STACK_BYTES)
        with self._undone() as left:
            expected = self.call(name, *arguments), left()
        with self._tracer.following():
            result = self.call(name, *arguments)
        if (result, self._memory()) != expected:
            raise ToolError(f"{name}: a counted run differs from an uncounted one; report it with unicorn's version")
        painted = np.frombuffer(bytes(self._core.mem_read(bottom, STACK_BYTES)), np.uint8)
        stack = STACK_BYTES - int(np.argmax(painted != PAINT)) if (painted != PAINT).any() else 0
        run = self._tracer.run
        return CountedRun(len(run), stack, count(run, self._tracer.flash_words), result)

    @contextmanager
    def _undone(self) -> Iterator[Callable[[], list[bytes]]]:
        """Give back registers and memory as they were; yields what reads the memory."""
        registers, memory = self._core.context_save(), self._memory()
        yield self._memory
        for start, content in zip(self._regions, memory, strict=True):
            self._core.mem_write(start, content)
        self._core.context_restore(registers)

    def _memory(self) -> list[bytes]:
        return [bytes(self._core.mem_read(start, end - start)) for start, end in self._regions.items()]

    def _in_flash(self, address: int) -> bool:
        return any(one.holds(address) for one in self._program.segments if not one.writable)


def _free(program: Program) -> int:
    """Where the memory for arrays and stack can stand: far from all of the program's."""
    taken = [*_regions(program).items()]
    most = HEAP_BYTES + STACK_BYTES + PAGE
    for start in WORK:
        if all(start + most <= begin or end <= start for begin, end in taken):
            return start
    raise ToolError("the program leaves no room for a stack of the emulator's")


def _regions(program: Program) -> dict[int, int]:
    """Start and end of the pages of a program: its segments, where their content is stored, its heap."""
    ranges = [(one.address, one.end) for one in program.segments]
    ranges += [one.place for one in program.segments if one.content]
    ranges += [program.heap] if program.heap else []
    pages = sorted((start // PAGE * PAGE, -(-end // PAGE) * PAGE) for start, end in ranges)
    merged = [pages[0]]
    for start, end in pages[1:]:
        first, last = merged[-1]
        merged[-1:] = [(first, max(last, end))] if start <= last else [(first, last), (start, end)]
    return dict(merged)
