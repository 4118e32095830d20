"""The Arduino platform of the emulated board: other sketches, strictness, and what is not in an image."""

import shutil
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from host_compiler import PROJECT

from dlnet.device.emulator import emulated
from dlnet.device.errors import DeviceError
from dlnet.device.line import Line
from dlnet.device.sketch import PROFILES, build, stage
from dlnet.errors import ToolError
from dlnet.files import write_text
from dlnet.firmware.header import header

FLASH, RAM = 983_040, 262_144
BANNED = ("malloc", "free", "_sbrk", "printf", "strtod", "atof", "_Zn", "__cxa_throw", "__dynamic_cast", "_ZSt")
NUMBERS = {"1.50": "1.5, 2", "-0.0005": "-0.0005, 4", "3": "2.6, 0", "12.346": "12.3456, 3", "nan": "0.0 / zero, 2",
           "inf": "1e300 * 1e300, 2", "ovf": "5e9, 2", "-128": "-128", "4294967295": "4294967295ul", "FF": "255, HEX",
           "c": "'c'", "0.000000001": "1e-9, 9"}  # fmt: skip


@pytest.fixture
def staged(built, model, tmp_path):
    built()  # skips where the tools are missing
    write_text(tmp_path / "model_data.h", header(model))
    return stage(tmp_path / "model_data.h", tmp_path / "book")


def symbols(path):
    with path.open("rb") as stream:
        return {symbol.name for symbol in ELFFile(stream).get_section_by_name(".symtab").iter_symbols()}


def sizes(path):
    with path.open("rb") as stream:
        return {section.name: section["sh_size"] for section in ELFFile(stream).iter_sections()}


def sketch(book, name, text):
    folder = book / name
    folder.mkdir()
    (folder / f"{name}.ino").write_text(text)
    return folder


def test_the_image_allocates_nothing_and_holds_no_part_of_libstdcxx(elf):
    found = {name for name in symbols(elf) if name.startswith(BANNED) or name.strip("_").startswith(("svfprintf",))}
    assert found == set()


def test_the_image_leaves_the_board_nearly_empty(elf):
    found = sizes(elf)
    assert found[".text"] + found[".rodata"] + found[".data"] < 32_000
    assert found[".data"] + found[".bss"] < 8_000


def test_the_image_begins_with_its_stack_and_reset(elf):
    with elf.open("rb") as stream:
        image = ELFFile(stream)
        vectors = image.get_section_by_name(".text").data()[:8]
        entry = image.header["e_entry"]
    assert int.from_bytes(vectors[:4], "little") == 0x2000_0000 + RAM
    assert int.from_bytes(vectors[4:], "little") == entry


def test_a_warning_in_the_sketch_is_an_error(staged, tmp_path):
    source = staged / "dlnet_monitor.ino"
    source.write_text(source.read_text() + "\nstatic int forgotten;\n")
    with pytest.raises(ToolError, match=r"(?s)arduino-builder failed with code 1.*forgotten.*defined but not used"):
        build(staged, tmp_path / "out")


def test_an_image_beyond_the_nrf52840_does_not_link(staged, tmp_path):
    text = f"#include <Arduino.h>\nchar room[{RAM}];\nvoid setup() {{ room[millis()] = 1; }}\nvoid loop() {{}}\n"
    with pytest.raises(ToolError, match="will not fit in region `RAM'|region `RAM' overflowed"):
        build(sketch(staged.parent, "large", text), tmp_path / "out")


def test_the_librarys_example_builds_for_the_emulated_board(staged, tmp_path):
    example = staged.parent / "Forecast"
    shutil.copytree(PROJECT / "firmware/libraries/DLNet/examples/Forecast", example)
    shutil.copy(staged / "model_data.h", example)
    assert build(example, tmp_path / "out").is_file()


def test_numbers_are_printed_as_arduino_prints_them(staged, tmp_path):
    lines = "".join(f"  Serial.println({value});\n" for value in NUMBERS.values())
    text = "#include <Arduino.h>\nvolatile double zero;\nvoid setup() { Serial.begin(9600); }\nvoid loop() {\n"
    text += f"  if (Serial.read() < 0) return;\n{lines}}}\n"
    image = build(sketch(staged.parent, "numbers", text), tmp_path / "out")
    with emulated(image) as port, Line(port, 2) as line:
        found = line.exchange_bytes(b"x")
        for _ in NUMBERS:  # lines come one by one or many at once
            if len(found.split()) < len(NUMBERS):
                found += f"\n{line._read().decode()}"
    assert found.split() == list(NUMBERS)


def test_time_goes_on_while_a_sketch_waits(staged, tmp_path):
    text = """#include <Arduino.h>
void setup() { Serial.begin(9600); }
void loop() {
  if (Serial.read() < 0) return;
  const unsigned long ms = millis(), us = micros();
  delay(20);
  delayMicroseconds(300);
  Serial.println(micros() - us >= 20000 && micros() - us < 2000000 && millis() - ms >= 20 ? "ok" : "no");
}
"""
    with emulated(build(sketch(staged.parent, "waits", text), tmp_path / "out")) as port, Line(port, 10) as line:
        assert line.exchange_bytes(b"x") == "ok"


def test_a_fault_is_reported_on_the_line(staged, tmp_path):
    text = """#include <Arduino.h>
void setup() { Serial.begin(9600); }
void loop() { if (Serial.read() >= 0) *reinterpret_cast<volatile int*>(0xF0000000) = 1; }
"""
    image = build(sketch(staged.parent, "faults", text), tmp_path / "out")
    crash = pytest.raises(DeviceError, match="the firmware crashed")
    with emulated(image) as port, Line(port, 10) as line, crash:
        line.exchange_bytes(b"x")


def test_more_bytes_than_the_buffer_holds_are_not_lost(staged, tmp_path):
    text = """#include <Arduino.h>
static unsigned long sum, count;
void setup() { Serial.begin(9600); }
void loop() {
  delay(1);
  for (int i = 0; i < 100 && Serial.available(); ++i) { sum += static_cast<unsigned long>(Serial.read()); ++count; }
  if (count == 5000) { Serial.println(sum); count = 0; }
}
"""
    sent = bytes(i % 251 for i in range(5000))
    with emulated(build(sketch(staged.parent, "floods", text), tmp_path / "out")) as port, Line(port, 20) as line:
        assert line.exchange_bytes(sent) == str(sum(sent))


def test_the_profile_is_a_yaml_that_names_one_board():
    from ruamel.yaml import YAML

    profile = YAML(typ="safe").load(PROJECT / "firmware/dlnet_monitor" / PROFILES)
    assert profile["default_profile"] == "nano33ble"
    assert list(profile["profiles"]) == ["nano33ble"]
    assert profile["profiles"]["nano33ble"]["fqbn"] == "arduino:mbed_nano:nano33ble"


def test_builders_version_is_one_that_knows_the_rules_of_platforms():
    if shutil.which("arduino-builder") is None:
        pytest.skip("arduino-builder is not installed; see docker/firmware.apt")
    output = subprocess.run(["arduino-builder", "-version"], capture_output=True, text=True, check=True).stdout
    assert "Arduino Builder 1." in output
