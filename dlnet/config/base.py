"""Base classes of the sections of params.yaml. A wrong key or value is reported with file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import ScalarEvent
from ruamel.yaml.reader import ReaderError

from dlnet.errors import ConfigError

PARAMS = Path("params.yaml")


Positive = Annotated[float, Field(gt=0)]


Fraction = Annotated[float, Field(ge=0, le=1)]


Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Base of a section of params.yaml: unknown keys are errors, numbers finite, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StageConfig(Section):
    """Base of a stage's configuration: each field is a section of params.yaml, and only those are read."""

    @classmethod
    def load(cls, path: Path = PARAMS) -> Self:
        """Read this stage's sections; errors as ``read_yaml``."""
        return read_yaml(path, cls, keep=cls.model_fields)


Read = TypeVar("Read", bound=Section)


def read_yaml(
    path: Path, kind: type[Read], more: Mapping[str, object] | None = None, keep: Collection[str] | None = None
) -> Read:
    """Read a YAML file as an object of class ``kind``.

    Args:
        more: values beside those of the file. keep: keys that are read; None: all.

    Raises:
        ConfigError: as ``read_text`` and ``parse_yaml``, or a key or value is wrong; names file, line and key.
    """
    document = parse_yaml(read_text(path), path)
    for key in (more or {}) & document.keys():
        raise ConfigError(f"{path}:{document.lc.key(key)[0] + 1}: {key}: is not set here; delete the line")
    content = {key: document[key] for key in document if keep is None or key in keep}
    try:
        return kind.model_validate({**content, **(more or {})})
    except ValidationError as error:
        raise ConfigError("\n".join(_describe(path, document, item) for item in error.errors())) from error


def read_text(path: Path) -> str:
    """Text of a file that a person edits: UTF-8, every line end as it is.

    Raises:
        ConfigError: the file is missing, cannot be read, or is not UTF-8; names file and line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; run from the project's root") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line, byte = content[: error.start].count(b"\n") + 1, content[error.start]
        raise ConfigError(f"{path}:{line}: not UTF-8 text (byte 0x{byte:02x}); save the file in UTF-8") from error


def parse_yaml(text: str, path: Path, typ: Literal["rt", "safe"] = "rt") -> Any:
    """The mapping that a file's text holds; ``rt`` keeps lines and comments with it, ``safe`` gives plain values.

    Raises:
        ConfigError: the text is not YAML, or no mapping; names ``path`` and line.
    """
    try:
        document = YAML(typ=typ).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise ConfigError(f"{path}:{mark.line + 1 if mark else 1}: not YAML ({problem})") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line}: not YAML (the character U+{error.character:04X})") from error
    except ValueError as error:  # a scalar that looks like a date or number, and is none
        raise ConfigError(f"{path}:{_unreadable_line(text)}: not YAML ({error}); quote the value") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not YAML that can be read (nested too deeply)") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected keys with values, such as 'name: value'")
    return document


def _unreadable_line(text: str) -> int:
    """Line of the first plain scalar that has the form of a date or number, but no value."""
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, ScalarEvent) and event.implicit[0]:
            try:
                YAML(typ="safe").load(event.value)
            except ValueError:
                return int(event.start_mark.line) + 1
            except MarkedYAMLError:
                continue  # text that is no value on its own
    return 1


def as_list(value: object) -> object:
    """A list as it is, and anything else as a list of one: where a setting takes one value or several."""
    return value if isinstance(value, list) else [value]


def each_once(lists: Mapping[str, Sequence[object]]) -> None:
    """Raise ``ValueError`` where one of the named lists is empty or holds a value twice."""
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must list at least one value, each once")


def no_twice(lists: Mapping[str, Sequence[object]]) -> None:
    """Raise ``ValueError`` where one of the named lists holds a value twice; a word in place of a list is fine."""
    for name, values in lists.items():
        twice = [value for i, value in enumerate(values) if value in values[:i]]
        if twice and not isinstance(values, str):
            raise ValueError(f"{name} lists {twice[0]!r} twice")


def did_you_mean(value: object, item: Mapping[str, Any]) -> str:
    """The closest of the values that are allowed, as part of a message; ``item``: pydantic's ``literal_error``."""
    options = re.findall(r"'([^']*)'", str(item["ctx"]["expected"]))
    close = difflib.get_close_matches(str(value), options, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _describe(path: Path, document: object, item: Mapping[str, Any]) -> str:
    """One line for one pydantic error: file, line, key, what is wrong, and the value if it is a plain one."""
    line, node, message = 1, document, item["msg"].removeprefix("Value error, ")
    loc = item["loc"]
    before, _, after = message.partition(": ")
    if not loc and isinstance(document, dict) and before.split(".")[0] in document:  # "key.of.one: what is wrong"
        loc, message = tuple(before.split(".")), after
    for key in loc:
        if not isinstance(node, (CommentedMap, CommentedSeq)) or key not in (
            node if isinstance(node, dict) else range(len(node))
        ):
            break
        line = node.lc.key(key)[0] + 1 if isinstance(node, dict) else node.lc.item(key)[0] + 1
        node = node[key]
    where = ".".join(map(str, loc)) + ": " if loc else ""
    message += did_you_mean(item["input"], item) if item["type"] == "literal_error" else ""
    value = "" if isinstance(item["input"], (dict, list, BaseModel)) else f" (got {item['input']!r})"
    return f"{path}:{line}: {where}{message}{value}"
