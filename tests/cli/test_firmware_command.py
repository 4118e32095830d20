"""``dlnet firmware``: the files it writes, and what it says of a folder that is no model."""

import hashlib
import json

import pytest
from firmware_models import needs_arm, needs_gcc, shaped
from saved_models import save_device_model

from dlnet.cli import main
from dlnet.files import write_json


@pytest.fixture
def edge(tmp_path):
    """A random model laid out as the pipeline leaves it; the working directory is the project's, for params.yaml."""
    model, folder = shaped("ltc-16"), tmp_path / "models/edge/made"
    return save_device_model(folder, model)


def test_the_hash_in_the_header_is_that_of_the_document(edge, tmp_path, capsys):
    assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / "out")]) == 0
    document = (tmp_path / "out/model.json").read_bytes()
    sha = hashlib.sha256(document).hexdigest()
    assert sha in (tmp_path / "out/model_data.h").read_text()
    assert sha in capsys.readouterr().out
    assert set(json.loads(document)) == {"format", "spec", "encoder", "clean", "task"}


@needs_gcc
@needs_arm
@pytest.mark.slow
def test_prove_says_what_it_takes(edge, tmp_path, capsys):
    assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / "out"), "--prove"]) == 0
    printed = capsys.readouterr().out
    assert "equal to the reference on this machine, both paths on an emulated Cortex-M4" in printed
    assert "instructions a forecast: 11," in printed


def test_the_same_model_gives_the_same_bytes(edge, tmp_path):
    for out in ("one", "two"):
        assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / out)]) == 0
    for name in ("model_data.h", "model.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_without_a_model_or_a_spec_is_named(edge, tmp_path, capsys):
    assert main(["firmware", "--model", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no model in it" in capsys.readouterr().err
    (edge / "spec.json").unlink()
    assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / "out")]) == 1
    assert "spec.json: no such file" in capsys.readouterr().err


def test_an_encoder_of_another_model_is_refused(edge, tmp_path, capsys):
    document = json.loads((edge / "model.json").read_text())
    write_json(edge / "model.json", {**document, "encoder": shaped("sensors only").encoder.to_json()})
    assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / "out")]) == 1
    assert "its encoder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_counter_is_in_the_header_and_changes_neither_document_nor_hash(edge, tmp_path):
    for out, more in (("none", []), ("nine", ["--counter", "9"])):
        assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / out), *more]) == 0
    assert "uint32_t counter = 0;" in (tmp_path / "none/model_data.h").read_text()
    assert "uint32_t counter = 9;" in (tmp_path / "nine/model_data.h").read_text()
    assert (tmp_path / "none/model.json").read_bytes() == (tmp_path / "nine/model.json").read_bytes()


@pytest.mark.parametrize(("counter", "code"), [("-1", 2), ("1.5", 2), ("1000000000", 1), ("4294967296", 1)])
def test_a_counter_that_no_release_has_is_refused(edge, tmp_path, capsys, counter, code):
    assert main(["firmware", "--model", str(edge), "--out", str(tmp_path / "out"), "--counter", counter]) == code
    assert "counter" in capsys.readouterr().err
    assert not (tmp_path / "out/model_data.h").exists()
