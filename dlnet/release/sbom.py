"""Bill of materials of a firmware image, in CycloneDX: all that its bytes come from, each with version and hash."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from dlnet.errors import ToolError
from dlnet.export.edge import DeviceModel
from dlnet.files import read_bytes, sha256
from dlnet.firmware.program import MOST_FILE
from dlnet.firmware.toolchain import ROOT
from dlnet.registry.names import LABEL, SOURCE, plain

SBOM = "sbom.cdx.json"
DATA = "dlnet.data"  # tag of a version: MD5 of its data, as dvc.lock has it
PLATFORM = re.compile(r"platform: (?P<name>[a-z_]+:[a-z_0-9]+) \((?P<version>[0-9.]+)\)", re.ASCII)
COMPILER = re.compile(rb"GCC: \([^)\0]*\) (?P<version>[0-9.]+)")


@dataclass(frozen=True)
class Part:
    """One thing that an image is made from. ``hashes``: by the algorithm's name in CycloneDX."""

    kind: ComponentType
    name: str
    version: str
    hashes: Mapping[str, str]

    def component(self) -> Component:
        """The same in CycloneDX."""
        hashes = [HashType(alg=HashAlgorithm(name), content=value) for name, value in self.hashes.items()]
        return Component(
            type=self.kind,
            name=self.name,
            version=self.version,
            hashes=hashes,
            bom_ref=f"{self.kind.value}:{self.name}",
        )


def toolchain(elf: Path, firmware: Path = ROOT) -> tuple[Part, ...]:
    """Library, Arduino core, compiler and builder of an image.

    Args:
        elf: the image; its compiler is the one that it names. firmware: folder with the library and the sketch.

    Raises:
        ToolError: the image names no compiler, or a file of the project states no version.
    """
    library, lock = firmware / "libraries/DLNet", firmware.parent / "docker/arduino-cli.lock"
    platform = _found(PLATFORM, firmware / "dlnet_monitor/sketch.yaml")
    properties, builder = _values(library / "library.properties"), _values(lock)
    return (
        Part(ComponentType.LIBRARY, "DLNet", properties["version"], {"SHA-256": _tree(library / "src")}),
        Part(
            ComponentType.LIBRARY,
            "dlnet_monitor",
            properties["version"],
            {"SHA-256": _tree(firmware / "dlnet_monitor")},
        ),
        Part(ComponentType.FRAMEWORK, platform["name"], platform["version"], {}),
        Part(ComponentType.APPLICATION, "arm-none-eabi-gcc", _compiler(elf), {}),
        Part(ComponentType.APPLICATION, "arduino-cli", builder["version"], {"SHA-256": builder["sha256"]}),
    )


def firmware_sbom(
    tag: str, model: DeviceModel, label: str, lineage: Mapping[str, str], image: Path, parts: tuple[Part, ...]
) -> str:
    """The bill of materials of an image, as JSON of CycloneDX 1.6.

    Args:
        label: of the data. lineage: tags of the version; with them the data have a hash. image: its ``.bin``.
        parts: as ``toolchain`` gives them.
    """
    made = Part(ComponentType.FIRMWARE, image.stem, plain(tag), {"SHA-256": sha256(image)}).component()
    made.properties.add(Property(name="dlnet:security-counter", value=str(model.counter)))
    digest = {"MD5": lineage[DATA]} if DATA in lineage else {}
    source = plain(lineage.get(SOURCE, "not recorded"))
    data = Part(ComponentType.DATA, plain(lineage.get(LABEL, label)), source, digest)
    net = Part(ComponentType.MACHINE_LEARNING_MODEL, model.name, model.version, {"SHA-256": model.sha256})
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"{tag}/{sha256(image)}"))
    bom.metadata.component = made
    components = [one.component() for one in (net, data, *parts)]
    bom.components.update(components)
    bom.register_dependency(made, components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _compiler(elf: Path) -> str:
    try:
        section = ELFFile(io.BytesIO(read_bytes(elf, MOST_FILE))).get_section_by_name(".comment")
    except ELFError as error:
        raise ToolError(f"{elf}: not a program ({error}); build the sketch again") from error
    found = COMPILER.search(section.data()) if section else None
    if not found:
        raise ToolError(f"{elf}: does not name its compiler; build the sketch again, without stripping")
    return found["version"].decode()


def _found(pattern: re.Pattern[str], path: Path) -> re.Match[str]:
    found = pattern.search(read_bytes(path).decode("utf-8", "replace"))
    if not found:
        raise ToolError(f"{path}: names no platform; restore the file")
    return found


def _values(path: Path) -> Mapping[str, str]:
    lines = read_bytes(path).decode("utf-8", "replace").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    if "version" not in values:
        raise ToolError(f"{path}: states no version; restore the file")
    return values


def _tree(folder: Path) -> str:
    """SHA-256 of what ``sha256sum`` prints for the files of a folder, sorted by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = "".join(f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()
