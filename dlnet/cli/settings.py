"""What ``dlnet set`` says about a value: whether it is one of those allowed, and whether anything reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from dlnet.config.base import Section, did_you_mean
from dlnet.config.data import DataParams
from dlnet.config.task import TaskParams
from dlnet.errors import ConfigError

SECTIONS: Mapping[str, type[Section]] = {"data": DataParams, "task": TaskParams}

PUBLISHED = ("mit", "hust", "xjtu", "tju")
READ_FOR = {
    "data.path": ("data.source", ("embedded", "csv")),
    "data.mirror": ("data.source", PUBLISHED),
    "data.csv": ("data.source", ("csv",)),
    "task.with_target": ("task.track", ("with_target",)),
    "task.sensors_only": ("task.track", ("sensors_only",)),
}
"""Settings -> the setting that decides whether they are read, and its values for which they are."""


def check_choice(key: str, value: object) -> None:
    """Refuse a value that is none of those that a setting can have; other values are checked by the stages.

    Raises:
        ConfigError: names the closest value that is allowed.
    """
    field = _field(key)
    if field is None or field.annotation is None or get_origin(field.annotation) is not Literal:
        return
    try:
        TypeAdapter[object](field.annotation).validate_python(value)
    except ValidationError as error:
        item = error.errors()[0]
        expected = str(item["ctx"]["expected"])
        raise ConfigError(f"{key}: {value!r} is none of {expected}{did_you_mean(value, item)}") from error


def is_mapping(key: str) -> bool:
    """Whether a setting maps names that a user chooses."""
    field = _field(key)
    return field is not None and get_origin(field.annotation) is dict


def without_effect(keys: Iterable[str], document: Mapping[str, Any]) -> list[str]:
    """One line for each of the keys that nothing reads, as the others of the document stand."""
    lines = []
    for key in keys:
        for read, (decides, values) in READ_FOR.items():
            chosen = _value(document, decides)
            if read == "data.mirror" and set(PUBLISHED) & set(_public(document)):
                continue
            if (key == read or key.startswith(f"{read}.")) and chosen is not None and chosen not in values:
                lines.append(f"{key} has no effect while {decides} is {chosen}: it is read for {', '.join(values)}")
    return lines


def _field(key: str) -> FieldInfo | None:
    """The field of a dotted key, where its section is known."""
    first, *names = key.split(".")
    section, field = SECTIONS.get(first), None
    for name in names:
        field = section.model_fields.get(name) if section is not None else None
        kind = field.annotation if field is not None else None
        section = kind if isinstance(kind, type) and issubclass(kind, Section) else None
    return field


def _public(document: Mapping[str, Any]) -> Collection[str]:
    """Names of the public sources that train beside the own one."""
    found = _value(document, "data.public")
    return found if isinstance(found, Mapping) else ()


def _value(document: Mapping[str, Any], key: str) -> object:
    section, _, name = key.partition(".")
    found = document.get(section)
    return found.get(name) if isinstance(found, Mapping) else None
