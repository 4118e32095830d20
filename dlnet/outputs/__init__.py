"""Folders that a command writes for a user (``--out``): only an earlier result of the same command is replaced."""

from dlnet.outputs.added import added_files
from dlnet.outputs.replaced import replaced_dir

__all__ = ["added_files", "replaced_dir"]
