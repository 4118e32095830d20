"""Values of params.yaml set from the command line; every other byte of the file stays."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent, CollectionStartEvent, DocumentStartEvent, Event, NodeEvent, ScalarEvent
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node
from ruamel.yaml.reader import ReaderError

from dlnet.cli.settings import check_choice, is_mapping, without_effect
from dlnet.config.base import PARAMS, parse_yaml, read_text
from dlnet.config.presets import Preset, preset_values
from dlnet.errors import ConfigError
from dlnet.files import atomic_file

SHOWN = 100  # characters of a value in a message
LINE_BREAKS = "\n\r\x85\u2028\u2029"  # those of YAML 1.1, too: other readers break lines there


def set_params(assignments: Sequence[str], path: Path = PARAMS) -> list[str]:
    """Set each ``section.key=value`` in the file; values are YAML on one line, keys must exist.

    A name that a mapping lacks, such as ``data.csv.features.CV Q``, is added to it.

    The changed text is read again before it is written: each key has the value given, and no other value differs.
    Of values only a choice of names is validated here: the stage that reads one does the rest.

    Returns:
        One line for each key that nothing reads, as the others stand.

    Raises:
        ConfigError: the file cannot be read or written, is not YAML, a key does not exist, or a value would not be
            read as given; the file is not changed.
    """
    text, keys = read_text(path), []
    for i, assignment in enumerate(assignments):
        key, separator, value = assignment.partition("=")
        if not separator:
            whole = " ".join(assignments[max(0, i - 1) : i + 1])
            blank = f"; a value with blanks stands in quotes: dlnet set {shlex.quote(whole)}" if i else ""
            raise ConfigError(f"{assignment!r}: expected section.key=value{blank}")
        text = _replaced(text, *_in_mapping(text, key, value.strip(" \t"), path), path)
        keys.append(key)
    _write(path, text)
    return without_effect(keys, parse_yaml(text, path, "safe"))


def _in_mapping(text: str, key: str, value: str, path: Path) -> tuple[str, str]:
    """Key and value; where the key is a name that a mapping lacks, the mapping's key and its whole new value."""
    above, _, name = key.rpartition(".")
    if not is_mapping(above):
        return key, value
    _check(key, value)
    found: Any = parse_yaml(text, path, "safe")
    for part in above.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if not name or name in (found or {}) or not isinstance(found or {}, dict):
        return key, value
    try:
        added = parse_yaml(f"value: {value}", path, "safe")["value"]
    except ConfigError as error:
        raise _refused(key, value, "cannot be written here") from error
    return above, json.dumps({**(found or {}), name: added}, ensure_ascii=False)


def preset_assignments(name: Preset) -> list[str]:
    """``section.key=value`` of each value of a preset, for ``set_params``."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in preset_values(name).items()]


def _replaced(text: str, key: str, value: str, path: Path) -> str:
    """The text with one value replaced.

    Raises:
        ConfigError: the key or value is wrong, or what is read from the new text is not what was asked for.
    """
    before = parse_yaml(text, path, "safe")
    _check(key, value)
    start, end = _span(text, key, path)
    blank = " " if start == end else ""
    changed = text[:start] + blank + value + text[end:]
    try:
        parse_yaml(changed, path)
        after = parse_yaml(changed, path, "safe")
    except ConfigError as error:
        raise _refused(key, value, "cannot be written here") from error
    if repr(after) != repr(_assigned(before, key, value, path)):
        raise ConfigError(f"{path}: {key}={value[:SHOWN]} would be read as another value here; edit the file by hand")
    check_choice(key, _value(after, key))
    return changed


def _value(document: dict[str, Any], key: str) -> object:
    found: Any = document
    for name in key.split("."):
        found = found[name]
    return found


def _assigned(document: dict[str, Any], key: str, value: str, path: Path) -> dict[str, Any]:
    """The document, with ``value`` at a dotted key."""
    *sections, last = key.split(".")
    section = document
    for name in sections:
        section = section[name]
    section[last] = parse_yaml(f"value: {value}", path, "safe")["value"]
    return document


def _span(text: str, key: str, path: Path) -> tuple[int, int]:
    """First and last place of the value of a dotted key."""
    node: Node = YAML().compose(text)
    for part in key.split("."):
        pairs = node.value if isinstance(node, MappingNode) else []
        matches = [pair for pair in pairs if pair[0].value == part]
        if not matches:
            raise ConfigError(f"{path}: there is no {key!r}")
        name, node = matches[0]
        if node.anchor:
            line = node.start_mark.line + 1
            raise ConfigError(f"{path}:{line}: {key!r} may be shared, through &{node.anchor}; edit the file by hand")
    if isinstance(node, CollectionNode) and not node.flow_style:
        raise ConfigError(f"{path}: {key!r} is a section; name one of its keys")
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:  # no value, which means null: the node lies before the next key, where that may be
        start = end = text.find(":", name.end_mark.index) + 1
    return start, start + len(text[start:end].rstrip())  # a block of text ends after its line


def _check(key: str, value: str) -> None:
    """Raise ``ConfigError`` unless ``value`` is a complete YAML value on one line, and means the same anywhere."""
    try:
        single = YAML().compose(f"[{value}]")
        events = list(YAML(typ="safe", pure=True).parse(value))
    except MarkedYAMLError as error:
        raise _refused(key, value, f"is not YAML ({' '.join(str(error.problem).split())})") from error
    except ReaderError as error:
        raise _refused(key, value, f"is not YAML (the character U+{error.character:04X})") from error
    except RecursionError as error:
        raise ConfigError(f"{key}: the value is nested too deeply") from error
    whole = len(single.value) == 1 and single.value[0].end_mark.index == len(f"[{value}")  # no comma at the end
    if not whole or any(mark in value for mark in LINE_BREAKS):
        raise _refused(key, value, "is not one value")
    if any(map(_means_more, events)) or events[-3].end_mark.index != len(value):
        raise _refused(key, value, "is more than a value (a key, anchor, alias, tag or comment)")


def _means_more(event: Event) -> bool:
    """Whether an event is of a document, of block style, or has a name or type of its own."""
    if isinstance(event, DocumentStartEvent):
        return bool(event.explicit)
    if isinstance(event, CollectionStartEvent) and not event.flow_style:
        return True
    if isinstance(event, ScalarEvent) and event.style in ("|", ">"):
        return True
    return isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and bool(event.anchor or _tag(event)))


def _tag(event: NodeEvent) -> object:
    return getattr(event, "tag", None)


def _refused(key: str, value: str, why: str) -> ConfigError:
    quoted = json.dumps(value, ensure_ascii=False)
    if not value or len(value) > SHOWN or not quoted.isprintable():
        return ConfigError(f"{key}: {value[:SHOWN]!r} {why}")
    return ConfigError(f"{key}: {value!r} {why}; to set this text: dlnet set {shlex.quote(f'{key}={quoted}')}")


def _write(path: Path, text: str) -> None:
    """Replace the file, not a link to it, and keep its mode.

    Raises:
        ConfigError: the system refuses, or the file is read-only.
    """
    file = path.resolve()
    if not os.access(file, os.W_OK):
        raise ConfigError(f"{path}: is read-only for this user; nothing was changed")
    try:
        with atomic_file(file, stat.S_IMODE(file.stat().st_mode)) as temporary:
            temporary.write_bytes(text.encode())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); nothing was changed") from error
