"""The bill of materials of an image."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from dlnet.errors import ToolError
from dlnet.firmware.random_model import random_model
from dlnet.release.sbom import firmware_sbom, toolchain

PROJECT = Path(__file__).parents[2]
LINEAGE = {"dlnet.data": "0123456789abcdef" * 2, "dlnet.label": "cells", "dlnet.source": "embedded"}


def elf(path, comment=b"GCC: (Arm GNU Toolchain) 7.2.1 20170904\0"):
    """A program of no code: a header, its names, and the section in which a compiler puts its own."""
    names = b"\0.shstrtab\0.comment\0"
    sections = bytes(40)
    for name, kind, at, size in ((1, 3, 52, len(names)), (11, 1, 52 + len(names), len(comment))):
        sections += b"".join(value.to_bytes(4, "little") for value in (name, kind, 0, 0, at, size, 0, 0, 1, 0))
    header = b"\x7fELF\1\1\1" + bytes(9)
    for value, size in ((2, 2), (40, 2), (1, 4), (0, 4), (0, 4), (52 + len(names) + len(comment), 4), (0, 4)):
        header += value.to_bytes(size, "little")
    for value in (52, 0, 0, 40, 3, 1):
        header += value.to_bytes(2, "little")
    path.write_bytes(header + names + comment + sections)
    return path


@pytest.fixture
def bill(tmp_path):
    image = tmp_path / "dlnet-monitor-nano33ble.bin"
    image.write_bytes(b"an image")
    model = replace(random_model("ltc", 3, features=2, relative=1), version="dlnet-edge/7", counter=8)

    def made(lineage=LINEAGE):
        parts = toolchain(elf(tmp_path / "image.elf"))
        return model, firmware_sbom("firmware-v7-1a2b3c4d-c8", model, "made", lineage, image, parts)

    return made


@pytest.mark.parametrize("lineage", [LINEAGE, {}])
def test_the_bill_is_valid_by_the_schema_of_cyclonedx(bill, lineage):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    text = bill(lineage)[1]
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"firmware"', '"hardware"')) is not None


def test_it_names_all_that_the_image_is_made_from_with_version_and_hash(bill):
    model, text = bill()
    content = json.loads(text)
    parts = {one["name"]: (one["type"], one["version"], one.get("hashes")) for one in content["components"]}
    assert parts.pop(model.name) == (
        "machine-learning-model",
        "dlnet-edge/7",
        [{"alg": "SHA-256", "content": model.sha256}],
    )
    assert parts.pop("cells") == ("data", "embedded", [{"alg": "MD5", "content": LINEAGE["dlnet.data"]}])
    assert parts.pop("arm-none-eabi-gcc") == ("application", "7.2.1", None)
    assert parts.pop("arduino:mbed_nano") == ("framework", "4.6.0", None)
    lock = dict(line.split("=", 1) for line in (PROJECT / "docker/arduino-cli.lock").read_text().splitlines()[2:])
    builder = ("application", lock["version"], [{"alg": "SHA-256", "content": lock["sha256"]}])
    assert parts.pop("arduino-cli") == builder
    assert set(parts) == {"DLNet", "dlnet_monitor"}
    image = content["metadata"]["component"]
    assert (image["type"], image["version"]) == ("firmware", "firmware-v7-1a2b3c4d-c8")
    assert image["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"an image").hexdigest()}]
    assert image["properties"] == [{"name": "dlnet:security-counter", "value": "8"}]


@pytest.mark.parametrize("content", [b"no program", b"\x7fELF", b""])
def test_an_image_that_is_no_program_is_refused(tmp_path, content):
    (tmp_path / "x.elf").write_bytes(content)
    with pytest.raises(ToolError, match=r"x\.elf: not a program"):
        toolchain(tmp_path / "x.elf")


def test_an_image_that_names_no_compiler_is_refused(tmp_path):
    with pytest.raises(ToolError, match="does not name its compiler"):
        toolchain(elf(tmp_path / "x.elf", b"hand made"))
