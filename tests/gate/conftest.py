"""Registries and publications for tests are in tests/registry."""

import helper_paths

helper_paths.use("registry")

from registries import migrated, registry, three, versions  # noqa: E402

__all__ = ["migrated", "registry", "three", "versions"]
