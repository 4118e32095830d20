"""Registries and publications for tests are in tests/registry."""

import helper_paths

helper_paths.use("registry")

from registries import batteries_and_pumps, both, migrated, registry, three, versions  # noqa: E402
from signed_project import bundle, keys, once, project, signed  # noqa: E402

__all__ = [
    "batteries_and_pumps",
    "both",
    "bundle",
    "keys",
    "migrated",
    "once",
    "project",
    "registry",
    "signed",
    "three",
    "versions",
]
