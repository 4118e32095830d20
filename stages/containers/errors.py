"""Errors of containers and images that a user can act on."""

from dlnet.errors import DLNetError


class EngineError(DLNetError):
    """The Docker engine does not answer, refuses, is on another machine, or went away."""


class ImageError(DLNetError):
    """An image is unknown, or could not be built."""
