"""The bill of materials of an image names what is in it."""

import json
import subprocess

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from stages.containers.identity import identify, requirements
from stages.containers.images import ensure
from stages.containers.sbom import image_sbom


@pytest.fixture(scope="module")
def firmware(engine):
    """The image of the stage ``firmware``, and its bill."""
    identity = identify("firmware")
    return ensure(engine, identity), image_sbom(engine, identity)


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
