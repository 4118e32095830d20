"""A version in a folder, for a build that has no registry."""

import json
import shutil
from pathlib import Path

import pytest

from dlnet.cli import main
from dlnet.errors import RefusedError
from dlnet.export.saved import open_edge
from dlnet.registry.client import connect
from dlnet.release.fetch import check_out

ROOT = Path(__file__).parents[2]


def test_files_and_lineage_are_all_that_a_build_needs(versions, tmp_path):
    check_out("models:/dlnet-edge/1", tmp_path / "out")
    model = open_edge(tmp_path / "out").device
    assert model.version == "dlnet-edge/1"
    assert len(model.golden[0]) == 2
    assert json.loads((tmp_path / "out/version.json").read_text())["tags"]["dlnet.gate"] == "passed"


def test_a_version_that_did_not_pass_is_refused_and_leaves_nothing(versions, tmp_path):
    with pytest.raises(RefusedError, match="version 3 may not be released: the gate was not passed"):
        check_out("models:/dlnet-edge/3", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_assets_of_a_version_that_did_not_pass_are_refused(versions, capsys):
    shutil.copy(ROOT / "params.yaml", ".")
    assert main(["release", "assets", "--model", "models:/dlnet-edge/3", "--build", "build", "--out", "out"]) == 1
    assert "version 3 may not be released: the gate was not passed" in capsys.readouterr().err


def test_only_the_projects_own_tags_are_kept_and_they_are_one_line(versions, tmp_path):
    client = connect()
    client.set_model_version_tag("dlnet-edge", "1", "somebody", "else")
    client.set_model_version_tag("dlnet-edge", "1", "dlnet.note", "one\n::set-output name=a::b\x1b[31m")
    check_out("models:/dlnet-edge/1", tmp_path / "out")
    tags = json.loads((tmp_path / "out/version.json").read_text())["tags"]
    assert "somebody" not in tags
    assert tags["dlnet.note"] == "one ::set-output name=a::b [31m"
