"""The values of params.yaml that its types document: ends of ranges, 0, 1, null, empty lists, each word of a choice."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as bounds
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

Documented = tuple[str, Any]
"""Dotted key, where ``*`` stands for any key of a mapping and ``[]`` for an item of a list; and a value."""


def documented_values(model: type[BaseModel], prefix: str = "") -> Iterator[Documented]:
    """Every documented value of a section, in the order of its fields."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        yield from _of_type(_annotated(field), key)


def _annotated(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _of_type(kind: Any, key: str) -> Iterator[Documented]:
    plain, metadata = _split(kind)
    origin, arguments = get_origin(plain), get_args(plain)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        yield from documented_values(plain, f"{key}.")
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from _of_type(argument, key)
    elif plain is type(None):
        yield key, None
    elif origin is Literal:
        yield from ((key, value) for value in arguments)
    elif plain is bool:
        yield from ((key, value) for value in (False, True))
    elif plain in (int, float):
        yield from ((key, value) for value in _ends(kind, metadata))
    elif origin is list:
        if _accepts(kind, []):
            yield key, []
        yield from _of_type(arguments[0], f"{key}[]")
    elif origin is dict:
        if _accepts(kind, {}):
            yield key, {}
        yield from _of_type(arguments[1], f"{key}.*")


def _split(kind: Any) -> tuple[Any, list[Any]]:
    """A type without ``Annotated``, and what was annotated."""
    if get_origin(kind) is not Annotated:
        return kind, []
    plain, *metadata = get_args(kind)
    inner, more = _split(plain)
    return inner, [*more, *metadata]


def _ends(kind: Any, metadata: list[Any]) -> list[float]:
    """Ends of a range that belong to it; 0 and 1, where they do."""
    limits = [part for item in metadata for part in (getattr(item, "metadata", None) or [item])]
    ends = [limit.ge for limit in limits if isinstance(limit, bounds.Ge)]
    ends += [limit.le for limit in limits if isinstance(limit, bounds.Le)]
    return sorted({value for value in (*ends, 0, 1) if _accepts(kind, value)})


def _accepts(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
