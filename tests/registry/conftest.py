"""Registries for tests; they are in a module of their own, as other folders use them too."""

from registries import batteries_and_pumps, both, migrated, registry, three, versions

__all__ = ["batteries_and_pumps", "both", "migrated", "registry", "three", "versions"]
