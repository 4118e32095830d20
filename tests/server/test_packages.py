"""What MLflow's image holds: the versions that the project locks, and all that the extra ``server`` asks for."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from team import SCRIPTS

ROOT = SCRIPTS.parent


def pins(path):
    return set(re.findall(r"^[a-z0-9._-]+==\S+$", path.read_text(), flags=re.MULTILINE))


def test_the_image_pins_what_the_project_locks():
    image = pins(SCRIPTS / "requirements.txt")
    assert image
    assert image <= pins(ROOT / "requirements.lock")


def test_the_image_is_asked_for_what_the_extra_names():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["server"]
    lines = (SCRIPTS / "requirements.in").read_text().splitlines()
    asked = {line.partition("#")[0].strip() for line in lines} - {""}
    assert {canonicalize_name(Requirement(line).name) for line in asked} == {
        canonicalize_name(Requirement(line).name) for line in extra if not line.startswith("dlnet[")
    }
    assert {canonicalize_name(Requirement(line).name) for line in asked} <= {
        pin.partition("==")[0] for pin in pins(SCRIPTS / "requirements.txt")
    }
