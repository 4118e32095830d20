"""Values of params.yaml set from the command line; every other byte of the file stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from dlnet.config.base import PARAMS
from dlnet.errors import ConfigError
from dlnet.files import write_text


def set_params(assignments: Sequence[str], path: Path = PARAMS) -> None:
    """Set each ``section.key=value`` in the file; values are YAML, keys must exist.

    Values are not validated here: the stage that reads one does that.

    Raises:
        ConfigError: the file is missing, a key does not exist, or a value is not YAML; the file is not changed.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; run from the project's root")
    text = path.read_text()
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator:
            raise ConfigError(f"{assignment!r}: expected section.key=value")
        _check(key, value)
        node = _find(YAML().compose(text), key, path)
        start, end = node.start_mark.index, node.end_mark.index
        blank = " " if start == end else ""  # an empty value, which means null
        text = text[:start] + blank + value + text[end:]
    write_text(path, text)


def _find(node: Node, key: str, path: Path) -> Node:
    """The node of a dotted key's value."""
    for part in key.split("."):
        pairs = node.value if isinstance(node, MappingNode) else []
        matches = [value for name, value in pairs if name.value == part]
        if not matches:
            raise ConfigError(f"{path}: there is no {key!r}")
        node = matches[0]
    if isinstance(node, CollectionNode) and not node.flow_style:
        raise ConfigError(f"{path}: {key!r} is a section; name one of its keys")
    return node


def _check(key: str, value: str) -> None:
    """Raise ``ConfigError`` unless ``value`` is a complete YAML value on one line."""
    try:
        single = YAML().compose(f"[{value}]")
    except MarkedYAMLError as error:
        raise ConfigError(f"{key}: {value!r} is not YAML ({error.problem})") from error
    if len(single.value) != 1 or "\n" in value:
        raise ConfigError(f"{key}: {value!r} is not one value")
