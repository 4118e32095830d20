"""Registries for tests; they are in a module of their own, as other folders use them too."""

from registries import migrated, registry, three, versions

__all__ = ["migrated", "registry", "three", "versions"]
