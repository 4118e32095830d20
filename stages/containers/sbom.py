"""``python -m stages.containers.sbom IMAGE``: bill of materials of an image, CycloneDX 1.6, on standard output.

It lists what is in the image, asked inside it, and not what it was to be built from: base image and Debian mirror
decide the versions of Debian's packages.
"""

from __future__ import annotations

import argparse
import sys
from uuid import NAMESPACE_URL, uuid5

import docker
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from dlnet.errors import DLNetError
from stages.containers import images
from stages.containers.engine import connect, engine_errors
from stages.containers.identity import Identity, identify

PYTHON = "from importlib.metadata import distributions as d; [print(one.name, one.version, sep='\\t') for one in d()]"
DEBIAN = "${Package}\\t${Version}\\t${Architecture}\\n"
LONGEST = 1 << 20  # bytes of a list; that of an image is about 20 kB


def image_sbom(engine: docker.DockerClient, identity: Identity) -> str:
    """Python and Debian packages of an image, which is built if it does not exist.

    Raises:
        ImageError, EngineError: it cannot be built or started.
    """
    tag = images.ensure(engine, identity)
    python = _lines(engine, tag, ["python", "-c", PYTHON])
    debian = _lines(engine, tag, ["dpkg-query", "--show", f"--showformat={DEBIAN}"])
    packages = [PackageURL("pypi", None, canonicalize_name(name), version) for name, version in python]
    packages += [
        PackageURL("deb", "debian", name, version, {"arch": architecture}) for name, version, architecture in debian
    ]
    with engine_errors(f"image {tag}"):
        digest = str(engine.images.get(tag).id).removeprefix("sha256:")
    made = Component(
        type=ComponentType.CONTAINER,
        name=f"dlnet/{identity.name}",
        version=identity.digest,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        bom_ref=tag,
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, digest))
    bom.metadata.component = made
    components = [
        Component(type=ComponentType.LIBRARY, name=one.name, version=one.version, purl=one, bom_ref=str(one))
        for one in sorted(set(packages), key=str)
    ]
    bom.components.update(components)
    bom.register_dependency(made, components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _lines(engine: docker.DockerClient, tag: str, command: list[str]) -> list[list[str]]:
    with engine_errors(f"image {tag}"):
        said = engine.containers.run(
            tag, command, remove=True, network_mode="none", read_only=True, cap_drop=["ALL"], user="65534:65534"
        )
    return [line.split("\t") for line in said[:LONGEST].decode().splitlines()]


def main() -> None:
    """Print the bill of the image that the only argument names."""
    parser = argparse.ArgumentParser(prog="python -m stages.containers.sbom", description=main.__doc__)
    parser.add_argument("image", help="such as train")
    try:
        print(image_sbom(connect(), identify(parser.parse_args().image)))
    except DLNetError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
