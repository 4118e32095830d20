"""Names and words cannot forge another part of a board's reply; an image that fails its own test is refused."""

import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from dlnet.device.board import PROTOCOL, Board
from dlnet.device.errors import DeviceError, LineLost
from dlnet.device.sketch import build, stage
from dlnet.device.verify import verify
from dlnet.errors import ModelError
from dlnet.export.documents import VersionRecord
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.firmware.random_model import random_model

INFO = (
    f"ok info protocol={PROTOCOL} version=local counter=0 sha256=" + "a" * 64 + " inputs=1 window=5 horizon=3 state=90 "
    "asset=cell time=cycle target=SoH unit=1 model="
)
FORGED = ("x sha256=" + "b" * 64, "x\nok info", "x\r", "a=b", " x", "x ", "", "x" * 101, "x\x1b[2J", "naïve")


class Said:
    """A wire that says the same to every line."""

    port = "said"

    def __init__(self, reply):
        self.reply = reply

    def exchange(self, line):
        return self.reply


def test_a_repeated_key_of_a_reply_is_an_error():
    assert Board(Said(INFO + "my model")).info.model == "my model"
    for name in ("x sha256=" + "b" * 64, "x version=9", "x model=y"):
        with pytest.raises(LineLost, match="answer to 'info' has '.*' twice"):
            Board(Said(INFO + name))


def test_a_repeated_key_of_every_other_reply_is_an_error():
    board = Board(Said(INFO + "m"))
    board._line = Said("ok status last=1 held=1 ready=0 ready=1")
    with pytest.raises(LineLost, match="'ready' twice"):
        board.held()
    board._line = Said("ok time cycles=1 us=2 cycles=3")
    with pytest.raises(LineLost, match="'cycles' twice"):
        board.timing()


@pytest.mark.parametrize("text", FORGED)
@pytest.mark.parametrize("field", ["name", "version", "feature"])
def test_a_text_that_could_be_another_part_of_a_reply_is_no_string_of_the_header(field, text):
    model = random_model("ltc", 2, features=2, relative=1)
    if field == "feature":
        encoder = replace(model.encoder, features=(text, "b"), relative=(text,))
        hostile = replace(model, encoder=encoder)
    else:
        hostile = replace(model, **{field: text})
    with pytest.raises(ModelError, match="rename it") as caught:
        header(hostile)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", [*FORGED, "Dlnet", "a/b"])
def test_a_version_record_has_a_registered_name(tmp_path, name):
    VersionRecord(name="dlnet-pump_2-edge", number=3, tags={})
    with pytest.raises(ValidationError):
        VersionRecord(name=name, number=3, tags={})
    for number in (0, -1, 10**9):
        with pytest.raises(ValidationError):
            VersionRecord(name="dlnet-edge", number=number, tags={})


@pytest.mark.slow
def test_an_image_whose_self_test_fails_is_refused_though_it_forecasts_right(model, built, tmp_path):
    built()  # skips without the tools
    text, count = re.subn(r"(golden_crc = )(\d+)", lambda found: f"{found[1]}{int(found[2]) ^ 1}", header(model))
    assert count == 1
    write_text(tmp_path / "model_data.h", text)
    elf = build(stage(tmp_path / "model_data.h", tmp_path / "book"), tmp_path / "out").parent / "dlnet_monitor.ino.elf"
    with pytest.raises(DeviceError, match="self test failed"):
        verify(elf, model)
