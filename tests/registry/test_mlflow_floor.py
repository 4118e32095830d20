"""MLflow below 3.17 lets webhooks and gateways reach hosts inside the network: no list of packages allows it."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FLOOR = Version("3.17")
LOCKS = (
    "requirements.lock",
    "mlflow/requirements.txt",
    "docker/requirements-train.txt",
    "docker/release.txt",
)


def test_no_extra_allows_an_earlier_mlflow():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = [Requirement(line) for lines in extras.values() for line in lines]
    found = [one for one in wanted if one.name.startswith("mlflow")]
    assert len(found) == 2
    assert [one for one in found if one.specifier.contains("3.16.99")] == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_holds_a_patched_mlflow(name):
    versions = re.findall(r"^mlflow(?:-skinny|-tracing)?==([0-9.]+)", (ROOT / name).read_text(), re.MULTILINE)
    assert versions
    assert all(Version(one) >= FLOOR for one in versions)
