"""Content hashes that identify what is published, and its lineage as tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlnet.commit import git_commit
from dlnet.config.base import parse_yaml, read_text
from dlnet.errors import DLNetError
from dlnet.files import sha256

OWN_STAGE = "publish"  # its entry in dvc.lock appears only after it ran, so it is left out of every hash


def content_key(*parts: object) -> str:
    """SHA-256 (hex) of JSON-ready parts; the order of keys in a dict does not count, NaN is a value like any other."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of each file, under the name it is published by.

    Raises:
        DLNetError: a file is missing.
    """
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise DLNetError(f"{missing[0]}: no such file; run the stage that makes it (dvc repro)")
    return {name: sha256(path) for name, path in sorted(files.items())}


def lineage(root: Path) -> dict[str, str]:
    """Where a publication comes from, as tags: git commit, dvc.lock, params and image hashes, data.

    A tag whose source is absent (no git in a tarball, no lock before the first ``dvc repro``) says so in its value.
    """
    lock = locked_stages(root)
    tags = {
        "dlnet.git.commit": git_commit(root),
        "dlnet.dvc.lock": content_key(lock) if lock else "none: no dvc.lock",
        "dlnet.params": params_hash(root),
        "dlnet.data": data_md5(lock),
    }
    for path in sorted((root / "docker").glob("*.image.json")):
        tags[f"dlnet.image.{path.name.removesuffix('.image.json')}"] = sha256(path)
    return tags


def params_hash(root: Path) -> str:
    """Hash of the values of params.yaml; comments and layout do not count."""
    return content_key(read_params(root))


def read_params(root: Path) -> dict[str, Any]:
    """The values of params.yaml."""
    return _yaml(root / "params.yaml")


def locked_stages(root: Path) -> dict[str, Any]:
    """Stages of dvc.lock without the publish stage itself; empty where there is no lock."""
    path = root / "dvc.lock"
    if not path.is_file():
        return {}
    stages = _yaml(path).get("stages", {})
    return {name: entry for name, entry in stages.items() if name != OWN_STAGE}


def data_md5(stages: Mapping[str, Any], path: str = "data/windows") -> str:
    """DVC's own md5 of an output (32 hex digits and ``.dir`` for a folder), from ``locked_stages``."""
    for entry in stages.values():
        for out in entry.get("outs", []):
            if out.get("path") == path:
                return str(out["md5"])
    return f"none: {path} is not in dvc.lock"


def _yaml(path: Path) -> dict[str, Any]:
    return dict(parse_yaml(read_text(path), path, "safe"))
