"""What every model of a stored file shares."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from chatkit.timing.stamps import format_stamp, parse_stamp

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class Record(BaseModel):
    """A frozen part of a file that keeps the keys it does not know, so that they survive a round trip."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=True)

    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds: plain JSON types, absent keys left out."""
        return self.model_dump(by_alias=True)


def _read_time(value: object) -> object:
    return parse_stamp(value) if isinstance(value, str) else value


Stamp = Annotated[
    datetime,
    BeforeValidator(_read_time),
    PlainSerializer(format_stamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC, to the µs; RFC 3339 in files."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A UUID in lower-case canonical form."""


def is_absent(value: object) -> bool:
    """Whether an optional key is left out of the file."""
    return value is None
