"""Helpers of other folders, and the migrated file."""

import helper_paths

helper_paths.use("registry", "relay", "server")

from registries import migrated  # noqa: E402

__all__ = ["migrated"]
