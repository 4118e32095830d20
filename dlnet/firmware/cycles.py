"""Cycles of a run on a Cortex-M4 of an nRF52840, from the instructions that an emulator saw. A model, no measurement.

Sources: instruction timings, Arm Cortex-M4 Technical Reference Manual r0p1, section 3.3.1 (and 7.2.3 for the FPU);
flash, nRF52840 Product Specification, "CPU" and "NVMC": 2 wait states a fetch with the cache off, 0 on a hit and 3 on
a miss with the cache on. Where the manual gives a range the model takes a fixed value, said below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlnet.firmware.documents import Milliseconds

TAKEN = 2  # refill of the pipeline: the manual's P, 1 to 3
MULTIPLE = ("ldm", "stm", "push", "pop", "vldm", "vstm", "vpush", "vpop", "ldrd", "strd")  # 1 + registers
SLOW = (
    (("sdiv", "udiv"), 12),  # the manual: 2 to 12
    (("vdiv", "vsqrt"), 14),
    (("vmla", "vmls", "vfma", "vfms"), 3),
    (("vldr", "vstr", "tbb", "tbh"), 2),
)
WAIT_OFF, WAIT_MISS = 2, 3
LINE_BYTES = 16  # of the cache: a first touch misses; a forecast's code is smaller than the cache
WORD = 4


@dataclass(frozen=True)
class Instruction:
    """What the model looks at; ``registers``: those that a multiple load or store moves."""

    address: int
    size: int
    mnemonic: str
    registers: int


@dataclass(frozen=True)
class Cycles:
    """Cycles of one run: memory without wait states, flash with the cache on, and with the cache off."""

    no_wait: int
    cache_on: int
    cache_off: int

    def milliseconds(self, clock_mhz: float) -> Milliseconds:
        """The same in ms at a clock."""
        khz = clock_mhz * 1e3
        return Milliseconds(no_wait=self.no_wait / khz, cache_on=self.cache_on / khz, cache_off=self.cache_off / khz)


def count(run: Sequence[Instruction], flash_words: int) -> Cycles:
    """Cycles of a run.

    Waiting is added up as if nothing overlapped: the core's prefetch hides a part of it, so ``cache_off`` is rather
    too high than too low. Data read from flash waits as a fetch with the cache off does, in both cases.

    Args:
        run: instructions in the order in which they ran. flash_words: 32-bit words of data read from flash.
    """
    cycles, fetched, lines, pipelined, word = 0, 0, set(), False, -1
    for i, one in enumerate(run):
        follows = run[i + 1].address if i + 1 < len(run) else one.address + one.size
        cycles += _own(one, pipelined) + (TAKEN if follows != one.address + one.size else 0)
        pipelined = one.mnemonic.startswith(("ldr", "str")) and not one.mnemonic.startswith(("ldrd", "strd"))
        for address in range(one.address // WORD, (one.address + one.size - 1) // WORD + 1):
            if address != word:
                fetched, word = fetched + 1, address
                lines.add(address * WORD // LINE_BYTES)
    data = WAIT_OFF * flash_words
    return Cycles(cycles, cycles + data + WAIT_MISS * len(lines), cycles + data + WAIT_OFF * fetched)


def _own(one: Instruction, pipelined: bool) -> int:
    if one.mnemonic.startswith(MULTIPLE):
        return 1 + max(one.registers, 1)
    if one.mnemonic.startswith(("ldr", "str")):
        return 1 if pipelined else 2  # a load or store behind another is pipelined
    return next((cycles for names, cycles in SLOW if one.mnemonic.startswith(names)), 1)
