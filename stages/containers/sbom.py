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
from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from dlnet.errors import DLNetError
from stages.containers import images
from stages.containers.engine import connect, engine_errors
from stages.containers.errors import ImageError
from stages.containers.identity import identify

PYTHON = "from importlib.metadata import distributions as d; [print(one.name, one.version, sep='\\t') for one in d()]"
IF_PYTHON = 'command -v python3 >/dev/null || exit 0; exec python3 -c "$0"'
DEBIAN = "${Package}\\t${Version}\\t${Architecture}\\n"
LONGEST = 1 << 20  # bytes of a list; that of an image is about 20 kB


def image_sbom(engine: docker.DockerClient, tag: str) -> str:
    """Python and Debian packages of an image of the engine.

    Raises:
        ImageError: there is no such image.
        EngineError: it cannot be started, or is no image of Debian.
    """
    with engine_errors(f"image {tag}"):
        try:
            digest = str(engine.images.get(tag).id).removeprefix("sha256:")
        except ImageNotFound as error:
            raise ImageError(
                f"image {tag}: the Docker engine has none of this name; docker images lists them"
            ) from error
    debian = _lines(engine, tag, ["dpkg-query", "--show", f"--showformat={DEBIAN}"])
    packages = [PackageURL("pypi", None, canonicalize_name(name), version) for name, version in _python(engine, tag)]
    packages += [
        PackageURL("deb", "debian", name, version, {"arch": architecture}) for name, version, architecture in debian
    ]
    name, version = parse_repository_tag(tag)
    made = Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=version,
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


def _python(engine: docker.DockerClient, tag: str) -> list[list[str]]:
    return _lines(engine, tag, ["sh", "-c", IF_PYTHON, PYTHON])


def _lines(engine: docker.DockerClient, tag: str, command: list[str]) -> list[list[str]]:
    with engine_errors(f"image {tag}: {command[0]}"):
        said = engine.containers.run(
            tag,
            command[1:],
            entrypoint=command[:1],
            remove=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            user="65534:65534",
        )
    return [line.split("\t") for line in said[:LONGEST].decode().splitlines()]


def main() -> None:
    """Print the bill of the image that the only argument names: one of the pipeline's, or NAME:TAG of the engine."""
    parser = argparse.ArgumentParser(prog="python -m stages.containers.sbom", description=main.__doc__)
    parser.add_argument("image", help="train, export, firmware, or such as dlnet-mlflow:local")
    try:
        name, engine = parser.parse_args().image, connect()
        print(image_sbom(engine, name if ":" in name else images.ensure(engine, identify(name))))
    except DLNetError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
