"""What every model of a stored file shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from chatkit.timing.stamps import format_stamp, parse_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class Record(BaseModel):
    """A frozen part of a file that keeps the keys it does not know, so that they survive a round trip."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, changed where told; what the original had worked out and kept is worked out anew."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(copied).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds: plain JSON types, absent keys left out."""
        return self.model_dump(by_alias=True)


def _read_time(value: object) -> object:
    """Read a time; one without a zone is UTC, in a file as in Python."""
    if isinstance(value, str):
        return parse_stamp(value)
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


Stamp = Annotated[
    datetime,
    BeforeValidator(_read_time),
    PlainSerializer(format_stamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC, to the µs; RFC 3339 in files."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A UUID in lower-case canonical form."""


def _read_whole(value: object) -> object:
    """Read a whole number; some writers of JSON give it a point (``200.0``)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_read_whole), Field(ge=-(2**63), lt=2**63)]
"""A whole number that a column of 64 bits can hold: JSON has larger ones, and one of them must not spoil a table."""


def nothing_if_null(value: object) -> object:
    """Read an object that is null as one without keys."""
    return {} if value is None else value


def is_absent(value: object) -> bool:
    """Whether an optional key is left out of the file."""
    return value is None
