"""The identity of an image, and that its packages are those of the project's lock."""

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from made_project import ROOT, make_project

from stages.containers.errors import ImageError
from stages.containers.identity import identify, record

IMAGES = sorted(path.stem.partition("-")[2] for path in (ROOT / "docker").glob("requirements-*.txt"))


def pins(path):
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)$", path.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_pins_what_the_project_locks(name):
    locked, image = pins(ROOT / "requirements.lock"), pins(ROOT / f"docker/requirements-{name}.txt")
    assert image
    assert {package: (version, locked.get(package)) for package, version in image.items()} == {
        package: (version, version) for package, version in image.items()
    }


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_all_that_was_asked_for_by_name(name):
    lines = (ROOT / f"docker/requirements-{name}.in").read_text().splitlines()
    asked = {line.partition("#")[0].strip().replace(".", "-") for line in lines} - {""}
    assert asked <= set(pins(ROOT / f"docker/requirements-{name}.txt"))


ELSEWHERE = {"tensorflow", "docker", "pybamm"}  # of image export, of the launcher, of `make simulate`
PARTS = ("data", "models", "distill", "compress", "select", "export", "registry", "report")


def test_image_train_holds_all_that_its_stages_import():
    files = [path for part in PARTS for path in (ROOT / "dlnet" / part).glob("*.py")]
    files += [*(ROOT / "dlnet").glob("*.py"), *(ROOT / "stages").glob("*.py")]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    named |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    roots = {name.split(".")[0] for name in named} - sys.stdlib_module_names - ELSEWHERE - {"dlnet", "stages"}
    homes = packages_distributions()
    held = set(pins(ROOT / "docker/requirements-train.txt"))
    missing = {root for root in roots if not {re.sub(r"[._]", "-", name.lower()) for name in homes[root]} & held}
    assert missing == set()


@pytest.mark.parametrize("name", IMAGES)
def test_the_recorded_identity_is_of_the_files_beside_it(name):
    assert json.loads((ROOT / record(name)).read_text()) == identify(name, ROOT).content()


@pytest.fixture
def made(tmp_path):
    return make_project(tmp_path / "project", dvc=False)


@pytest.mark.parametrize("file", ["Dockerfile", "requirements-one.txt", "packages-one.txt"])
def test_every_input_counts(made, file):
    before = identify("one", made)
    (made / "docker" / file).write_text((made / "docker" / file).read_text() + "# more\n")
    assert identify("one", made).tag != before.tag


def test_files_of_other_images_do_not_count(made):
    before = identify("one", made)
    (made / "docker/requirements-two.txt").write_text("# other\n")
    assert identify("one", made) == before


def test_identity_does_not_depend_on_the_place(made, tmp_path):
    other = make_project(tmp_path / "elsewhere", dvc=False)
    assert identify("one", made).content() == identify("one", other).content()


def test_an_unknown_image_names_those_there_are(made):
    with pytest.raises(ImageError, match=r"docker/requirements-three.txt: no such file.*'three'.*one, two"):
        identify("three", made)


def test_no_file_of_docker_names_a_host_but_the_public_ones():
    public = {"download.pytorch.org", "github.com"}
    named = set()
    for path in [*(ROOT / "docker").iterdir(), *(ROOT / "stages/containers").glob("*.py")]:
        named |= set(re.findall(r"https?://([^/\s\"']+)", Path(path).read_text()))
    assert named <= public
