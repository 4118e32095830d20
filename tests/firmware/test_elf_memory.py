"""Programs linked anywhere run where they were linked; damaged ELF files are one line; counting changes nothing."""

import re
import struct
from contextlib import contextmanager

import numpy as np
import pytest
import unicorn
from firmware_models import needs_arm
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnet.errors import ToolError
from dlnet.firmware import emulate, program
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.program import read_program
from dlnet.firmware.toolchain import CORTEX_M4, call

pytestmark = needs_arm

SOURCE = """
int counter = 5, zeros[300];
const int table[4] = {7, 11, 13, 17};
extern int top;
int add(int value) { zeros[299] += value; return counter += value + table[value & 3]; }
int far_below_the_stack(void) { volatile int *last = &top; last[-1] = 3; return last[-1]; }
const char *text(void) { return "words of the program"; }
void start(void) {}
__attribute__((section(".vectors"), used)) const void *const vectors[2] = {&top, start};
"""
SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = %#x, LENGTH = 64K
         RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 64K }
SECTIONS { .text : { %s KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
  .data : { *(.data*) } > RAM AT > FLASH
  .bss (NOLOAD) : { *(.bss*) } > RAM
  top = ORIGIN(RAM) + LENGTH(RAM); }
"""
BOARDS = {"nRF52": (0x0, ""), "behind a bootloader": (0x10000, ""), "STM32": (0x0800_0000, "")}
BOARDS["Pico"] = (0x1000_0000, "FILL(0xff) . += 0x100;")


def linked(folder, origin=0, before="", source=SOURCE, name="a.c"):
    (folder / name).write_text(source)
    (folder / "a.ld").write_text(SCRIPT % (origin, before))
    flags = [
        "-mcpu=cortex-m4",
        "-mthumb",
        "-Os",
        "-nostdlib",
        "-Wl,-estart",
        f"-T{folder}/a.ld",
        "-Wl,--no-warn-rwx-segments",
    ]
    call([CORTEX_M4.tool("gcc"), *flags, folder / name, "-o", folder / "a.elf"])
    return (folder / "a.elf").read_bytes()


@pytest.fixture(scope="module")
def elf(tmp_path_factory):
    return linked(tmp_path_factory.mktemp("elf"))


@pytest.mark.parametrize("board", BOARDS)
def test_a_program_runs_where_it_was_linked(tmp_path, board):
    core = EmulatedCore(linked(tmp_path, *BOARDS[board]))
    assert [core.call("add", 1), core.call("add", 2)] == [5 + 1 + 11, 17 + 2 + 13]
    assert core.call("far_below_the_stack") == 3
    assert core.text(core.call("text"), 100) == b"words of the program"


def test_flash_cannot_be_a_string_beyond_the_memory(elf):
    with pytest.raises(ToolError, match="no memory at 0x50000000"):
        EmulatedCore(elf).text(0x5000_0000, 10)


def segment(elf, index, **changes):
    """The file with other numbers in its ``index``-th segment."""
    fields = [word.partition(":")[0] for word in program.SEGMENT.split()]
    at = struct.unpack_from("<I", elf, 28)[0] + 32 * index
    row = dict(zip(fields, struct.unpack_from("<8I", elf, at), strict=True)) | changes
    return elf[:at] + struct.pack("<8I", *row.values()) + elf[at + 32 :]


def patched(elf, offset, kind, value):
    size = struct.calcsize(kind)
    return elf[:offset] + struct.pack(kind, value) + elf[offset + size :]


def loaded(elf):
    """Indices of the segments that are loaded."""
    start, count = struct.unpack_from("<I", elf, 28)[0], struct.unpack_from("<H", elf, 44)[0]
    return [i for i in range(count) if struct.unpack_from("<I", elf, start + 32 * i)[0] == 1]


BAD = {
    "empty": (lambda elf: b"", "no ELF file"),
    "text": (lambda elf: b"hello" * 20, "no ELF file"),
    "only the magic": (lambda elf: elf[:7], "ends within its file header"),
    "half": (lambda elf: elf[: len(elf) // 2], "ends within"),
    "64 bits": (lambda elf: patched(elf, 4, "B", 2), "no ELF file of 32 bits"),
    "x86": (lambda elf: patched(elf, 18, "<H", 3), "for machine 3; only Arm and RISC-V"),
    "not linked": (lambda elf: patched(elf, 16, "<H", 1), "not linked"),
    "no segments": (lambda elf: patched(elf, 44, "<H", 0), "no segment to load"),
    "many segments": (lambda elf: patched(elf, 44, "<H", 65535), "65535 segments; at most"),
    "many sections": (lambda elf: patched(elf, 48, "<H", 65535), "65535 sections; at most"),
    "entry outside": (lambda elf: patched(elf, 24, "<I", 0x4000_0000), "begins at 0x40000000, where it has no code"),
    "huge": (lambda elf: segment(elf, loaded(elf)[-1], size=0x7000_0000), "bytes of memory; at most"),
    "beyond 4 GB": (lambda elf: segment(elf, loaded(elf)[-1], size=0xF000_0000), "larger than its memory"),
    "larger in the file": (lambda elf: segment(elf, loaded(elf)[0], size=1), "larger than its memory"),
    "overlapping": (lambda elf: segment(elf, loaded(elf)[-1], address=0x10, size=64), "two segments use"),
    "segment beyond the file": (lambda elf: segment(elf, loaded(elf)[0], offset=1 << 30), "ends within the segment"),
    "no symbols": (lambda elf: patched(elf, 48, "<H", 0), "no symbols"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line_that_names_it(elf, kind):
    change, message = BAD[kind]
    with pytest.raises(ToolError, match=message) as refusal:
        read_program(change(elf), "some.elf")
    assert str(refusal.value).startswith("some.elf: ")
    assert "\n" not in str(refusal.value)


def test_a_file_beyond_the_cap_is_refused_unread(elf, monkeypatch):
    monkeypatch.setattr(program, "MOST_FILE", len(elf) - 1)
    with pytest.raises(ToolError, match="a program for a microcontroller has at most"):
        read_program(elf, "some.elf")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damaged_file_runs_or_is_one_line(elf, data):
    damaged = bytearray(elf)
    tables = st.integers(0, 52 + 32 * 4) | st.integers(0, len(elf) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(tables)] = data.draw(st.integers(0, 255))
    try:
        EmulatedCore(bytes(damaged), "some.elf")
    except ToolError as error:
        assert re.fullmatch(r"[^\n]+", str(error))


ASSEMBLY = """
.syntax unified
.thumb
.cpu cortex-m4
.section .text.it, "ax"
.global it_block
.thumb_func
.type it_block, %function
it_block:
  push {r4, lr}
  ldr r2, =words
  cmp r0, #5
  ite hi
  ldrhhi r3, [r2, #2]
  movls r3, #1
  adds r0, #1
  bmi 1f
  adds r0, r0, r3
1: pop {r4, pc}
.pool
.size it_block, .-it_block
.section .rodata
.align 2
words: .short 100, 200, 300, 400
.global start
.thumb_func
.section .text
.type start, %function
start: bx lr
"""


@pytest.fixture(scope="module")
def it_block(tmp_path_factory):
    return linked(tmp_path_factory.mktemp("it"), source=ASSEMBLY, name="a.S")


@pytest.mark.parametrize(("value", "result", "words"), [(3, 3 + 1 + 1, 1), (9, 9 + 1 + 200, 2), (-9, -8, 2)])
def test_a_counted_run_computes_what_an_uncounted_one_does_and_counts_what_is_read(it_block, value, result, words):
    core = EmulatedCore(it_block)
    assert core.call("it_block", value) == result
    run = core.measure("it_block", value)
    assert run.result == result
    assert core._tracer.flash_words == words  # the address from the pool, and a table's entry if the condition holds


def test_a_tracer_that_changes_the_run_is_noticed(it_block):
    core = EmulatedCore(it_block)
    following = core._tracer.following

    @contextmanager
    def with_reads():
        hook = core._core.hook_add(unicorn.UC_HOOK_MEM_READ, lambda *_: None)
        with following():
            yield
        core._core.hook_del(hook)

    core._tracer.following = with_reads
    with pytest.raises(ToolError, match="a counted run differs from an uncounted one"):
        core.measure("it_block", 9)


def test_memory_below_the_stack_is_read_and_what_lies_beyond_it_is_not_there(elf):
    core = EmulatedCore(elf)
    symbols = read_program(elf, "a.elf").symbols
    core.call("add", 1)
    assert core.get(symbols["counter"], (1,), np.int32)[0] == 17
    assert core.get(symbols["zeros"] + 4 * 299, (1,), np.int32)[0] == 1
    assert core.text(symbols["counter"], 4) == b"\x11"
    for address in (symbols["top"], symbols["zeros"] + (1 << 20)):
        with pytest.raises(ToolError, match="no memory at 0x2"):
            core.text(address, 4)


def test_the_heap_is_what_a_program_cannot_reach_beyond(elf):
    core = EmulatedCore(elf)
    with pytest.raises(ToolError, match="RAM is full"):
        core.put(np.zeros(emulate.HEAP_BYTES + 1, np.uint8))
