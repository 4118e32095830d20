"""Identity of an image: the hash of the files that it is built from, the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.containers.errors import ImageError

FOLDER = Path("docker")
DOCKERFILE = FOLDER / "Dockerfile"


@dataclass(frozen=True)
class Identity:
    """One image.

    Attributes:
        inputs: file, relative to the project -> its SHA-256.
    """

    name: str
    inputs: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all inputs. The base image is not among them: its id varies from registry to registry."""
        return hashlib.sha256(json.dumps(self.inputs, sort_keys=True).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The image's name in the engine."""
        return f"dlnet/{self.name}:{self.digest[:12]}"

    def content(self) -> dict[str, Any]:
        """Content of ``docker/NAME.image.json``."""
        return {"image": f"dlnet/{self.name}", "sha256": self.digest, "inputs": dict(self.inputs)}


def requirements(name: str) -> Path:
    """The locked Python packages of an image, relative to the project."""
    return FOLDER / f"requirements-{name}.txt"


def packages(name: str) -> Path:
    """The Debian packages of an image, relative to the project."""
    return FOLDER / f"packages-{name}.txt"


def record(name: str) -> Path:
    """Where an image's identity is written, relative to the project."""
    return FOLDER / f"{name}.image.json"


def identify(name: str, root: Path = Path()) -> Identity:
    """Hash the inputs of an image of the project at ``root``.

    Raises:
        ImageError: there is no such image, or one of its files is missing; the message lists the existing ones.
    """
    files = (DOCKERFILE, requirements(name), packages(name))
    missing = [str(file) for file in files if not (root / file).is_file()]
    if missing:
        known = ", ".join(sorted(path.stem.partition("-")[2] for path in (root / FOLDER).glob("requirements-*.txt")))
        raise ImageError(
            f"{missing[0]}: no such file, so there is no image {name!r}; existing images: {known or 'none'}"
        )
    return Identity(name, {str(file): hashlib.sha256((root / file).read_bytes()).hexdigest() for file in files})
