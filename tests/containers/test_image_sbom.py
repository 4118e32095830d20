"""The bill of materials of an image names what is in it."""

import json
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from stages.containers.errors import ImageError
from stages.containers.identity import identify, requirements
from stages.containers.images import ensure
from stages.containers.sbom import image_sbom

SCRIPTS = Path(__file__).parents[2] / "mlflow"


@pytest.fixture(scope="module")
def firmware(engine):
    """The image of the stage ``firmware``, and its bill."""
    tag = ensure(engine, identify("firmware"))
    return tag, image_sbom(engine, tag)


@pytest.mark.slow
def test_the_bill_of_an_image_is_valid_by_the_schema_of_cyclonedx(firmware):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(firmware[1]) is None


@pytest.mark.slow
def test_it_names_each_debian_and_each_python_package_of_the_image(firmware):
    tag, text = firmware
    parts = [PackageURL.from_string(one["purl"]) for one in json.loads(text)["components"]]
    listed = subprocess.run(
        ["docker", "run", "--rm", tag, "dpkg", "--list"], capture_output=True, text=True, check=True
    )
    debian = {tuple(line.split()[1:4]) for line in listed.stdout.splitlines() if line.startswith("ii ")}
    expected = {(name.partition(":")[0], version, architecture) for name, version, architecture in debian}
    assert {(one.name, one.version, one.qualifiers["arch"]) for one in parts if one.type == "deb"} == expected
    locked = dict(line.split("==") for line in requirements("firmware").read_text().split())
    assert locked.items() <= {one.name: one.version for one in parts if one.type == "pypi"}.items()


# PostgreSQL's image is built here only where no registry is reached; then mlflow/images.sh writes its name.
BUILT = {"dlnet-mlflow:local": "pkg:pypi/mlflow@"}
if (SCRIPTS / "images.local.env").is_file():
    BUILT["dlnet-postgres:local"] = "pkg:deb/debian/postgresql"


@pytest.mark.slow
@pytest.mark.parametrize(("tag", "purl"), BUILT.items())
def test_the_images_of_the_server_have_bills(engine, tag, purl):
    if not engine.images.list(tag):
        pytest.skip("needs make server-image-debian")
    assert any(one["purl"].startswith(purl) for one in json.loads(image_sbom(engine, tag))["components"])


def test_an_image_that_is_not_there_is_named(engine):
    with pytest.raises(ImageError, match="image dlnet-none:local: the Docker engine has none of this name"):
        image_sbom(engine, "dlnet-none:local")
