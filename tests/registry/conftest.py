"""Registries for tests; they stand in a module of their own, for other folders use them too."""

from registries import migrated, registry, three, versions

__all__ = ["migrated", "registry", "three", "versions"]
