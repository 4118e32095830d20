"""Configurations of networks that no training gives: each is refused in one line when the folder is opened."""

import json

import pytest

from dlnet.errors import DLNetError
from dlnet.models.architectures import config_from_json
from dlnet.saved import load
from tests.fuzz.bases import NETWORKS, bases

BASES = {base.name: base for base in bases() if base.name in NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("key", "value"),
    [("channels", 7.0), ("steps", "4"), ("horizon", 9.0), ("knots", [2, 5.0, 9]), ("knots", "259"), ("hidden", True),
     ("level", 0), ("cell", ["gru"]), ("cell", None), ("skip", 1), ("hidden", 10**15), ("more", 1), ("hidden", None)],
)  # fmt: skip
def test_a_field_of_another_type_is_refused(tmp_path, name, key, value):
    refused(tmp_path, name, key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("bits", "8"), ("bits", 7), ("bits", True), ("bits", 1e308), ("substeps", 0), ("substeps", 1.0),
     ("branches", 10**6), ("rank", -1), ("rank", False), ("solver", {})],
)  # fmt: skip
def test_a_field_of_a_liquid_network_that_no_training_gives_is_refused(tmp_path, key, value):
    refused(tmp_path, "liquid network", key, value)


def refused(folder, name, key, value):
    for file, content in BASES[name].files.items():
        (folder / file).write_bytes(content)
    document = json.loads((folder / "model.json").read_text())
    document["config"][key] = value
    (folder / "model.json").write_text(json.dumps(document))
    with pytest.raises(DLNetError, match=r"model\.json: config") as caught:
        load(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_configuration_is_read_as_it_was_written(name):
    content = BASES[name].documents["model.json"]["config"]
    config = config_from_json(content)
    assert json.loads(json.dumps(config.__dict__)) == content
    assert isinstance(config.knots, tuple)
