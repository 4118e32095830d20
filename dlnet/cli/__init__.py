"""The command ``dlnet``."""

from dlnet.cli.app import main

__all__ = ["main"]
