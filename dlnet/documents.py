"""JSON documents that one stage writes and others read. Each is a pydantic model that checks the file on reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from dlnet.errors import DLNetError, DocumentError
from dlnet.files import LARGEST_JSON, parse_json, printable, read_bytes, write_json


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


Line = Annotated[str, AfterValidator(_one_line)]
"""Text that is printed and drawn as it is: of a user's file, or of one from the registry."""

Label = Annotated[Line, Field(max_length=300)]
"""A line that stands in titles."""

Root = TypeVar("Root")
OtherDocument = TypeVar("OtherDocument", bound="Document")


class Stored(BaseModel):
    """A pydantic model that is stored as a JSON file."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file.

        Raises:
            DocumentError: it is not JSON, has a key twice, or a field is missing, unknown or of another type; names
                file and field.
            DLNetError: there is no such file.
        """
        content = read_bytes(path, LARGEST_JSON)
        try:
            document = cls.model_validate_json(content, strict=True)
            parse_json(content, path)  # pydantic takes the last of two keys, and numbers of any size
        except DLNetError as error:
            raise DocumentError(str(error)) from error
        except ValidationError as error:
            first, *others = error.errors()
            more = f" (and {len(others)} more)" if others else ""
            raise DocumentError(f"{path}: {_describe(first)}{more}; delete the file and run dvc repro") from error
        return document

    def write(self, path: Path) -> None:
        """Write indented JSON with sorted keys; NaN is refused."""
        write_json(path, self.content())

    def content(self) -> Any:
        """The content of the file, as plain lists, dicts and values."""
        return self.model_dump(mode="json")


class Document(Stored):
    """A JSON object. Unknown keys are errors; a field that has a default is not written if it is None."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {key: value for key, value in handler(self).items() if value is not None or fields[key].is_required()}

    def to(self, kind: type[OtherDocument], **more: Any) -> OtherDocument:
        """A document of class ``kind``, from the fields that both classes have and ``more``."""
        shared = kind.model_fields.keys() & type(self).model_fields.keys() - more.keys()
        return kind(**{name: getattr(self, name) for name in shared}, **more)


class RootDocument(Stored, RootModel[Root], Generic[Root]):
    """A JSON file whose keys are names of models, or that has one of several forms; its content is ``root``."""


def _describe(item: Mapping[str, Any]) -> str:
    """The field of one pydantic error, what is wrong with it, and its value if it is a plain one."""
    where = ".".join(printable(str(key)) for key in item["loc"])
    value = "" if isinstance(item["input"], dict | list | bytes) else f" (got {repr(item['input'])[:80]})"
    message = printable(" ".join(item["msg"].split()))
    return f"{where[:200]}: {message[:300]}{value}" if where else f"{message[:300]}{value}"
