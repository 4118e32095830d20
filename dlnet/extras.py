"""Packages of the optional extras (``pip install 'dlnet[...]'``); an error names the extra to install."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dlnet.errors import MissingExtraError

EXTRA_OF: Mapping[str, str] = {
    "codecarbon": "train",
    "moocore": "train",
    "pyarrow": "train",
    "sklearn": "train",
    "torch": "train",
    "ai_edge_litert": "export",
    "tensorflow": "export",
    "tflite_micro": "export",
    "capstone": "firmware",
    "cyclonedx": "firmware",
    "jinja2": "firmware",
    "elftools": "firmware",
    "serial": "firmware",
    "unicorn": "firmware",
    "alembic": "registry",
    "cryptography": "registry",
    "filelock": "registry",
    "mlflow": "registry",
    "plotly": "registry",
    "requests": "registry",
    "sqlalchemy": "registry",
    "access_parser": "raw",
    "construct": "raw",
    "h11": "relay",
    "starlette": "relay",
    "uvicorn": "relay",
}
"""Import name of a package -> extra that installs it; of several extras, the one whose code imports it first."""


@contextmanager
def named_extras() -> Iterator[None]:
    """Context for imports of packages that are not among the core dependencies.

    Raises:
        MissingExtraError: a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        raise missing_extra(package) from error


def missing_extra(package: str) -> MissingExtraError:
    """The error for a package that is not installed."""
    extra = EXTRA_OF[package]
    return MissingExtraError(f"{package} is not installed; this needs the extra {extra}: pip install 'dlnet[{extra}]'")
