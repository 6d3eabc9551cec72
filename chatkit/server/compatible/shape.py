"""What the shapes of the three APIs share: an event with its moment, and its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chatkit.server.compatible.answer import Answer
    from chatkit.server.compatible.asked import Asked

DONE = b"data: [DONE]\n\n"


class Timed(NamedTuple):
    """The bytes of one event, and when they are sent, in ms since the request."""

    at_ms: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """One provider's API.

    Attributes:
        path: what its requests go to.
        asked: what a request's body must be.
        events: the answer as a stream.
        whole: the answer at once.
    """

    path: str
    asked: type[Asked]
    events: Callable[[Answer, Any], Iterator[Timed]]
    whole: Callable[[Answer], dict[str, Any]]


def frame(content: dict[str, Any], event: str | None = None) -> bytes:
    r"""Return one event as every SDK reads it: JSON on one line, and no ``id:``, which breaks a widely used one.

    >>> frame({"type": "ping"}, "ping")
    b'event: ping\ndata: {"type":"ping"}\n\n'
    """
    name = b"" if event is None else b"event: " + event.encode() + b"\n"
    return name + b"data: " + to_json(content) + b"\n\n"


def to_json(content: dict[str, Any]) -> bytes:
    """Return JSON on one line; half a character, as some sources cut their text, is escaped."""
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        return json.dumps(content, separators=(",", ":")).encode()


def known(**counts: int | None) -> dict[str, int]:
    """Return the counts that were reported: one that was not is left out, never 0."""
    return {name: count for name, count in counts.items() if count is not None}
