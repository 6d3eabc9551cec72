"""What is told of a response when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatkit.models.response import ResponseMetadata

if TYPE_CHECKING:
    from datetime import datetime

    from chatkit.models.usage import Usage


class Ending(NamedTuple):
    """What is known of a response besides its chunks when its stream has ended.

    Attributes:
        completed_at: the stream ended; None where that is not known.
        model: as the provider named it.
        usage: None where none was reported.
        finish_reason: as reported.
        metadata: what is known of the stream.
    """

    completed_at: datetime | None = None
    model: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    metadata: ResponseMetadata = ResponseMetadata()
