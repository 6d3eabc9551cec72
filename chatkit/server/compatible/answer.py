"""A recorded response, seen as what a provider's server sends: blocks of one kind, and the moments around them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from chatkit.models import Usage
from chatkit.models.response import REASONING, TEXT, TOOL_CALL
from chatkit.models.text import join
from chatkit.timing.schedule import in_order
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chatkit.models import Response

UNKNOWN_TOOL = "unknown_tool"
"""Chunks hold the arguments of a call, not its name; the raw events have that, where they were kept."""
_SENT = {TEXT, REASONING, TOOL_CALL}
_UNTOLD = "the recorded stream broke off with an error"


@dataclass(frozen=True, slots=True)
class Block:
    """Chunks of one kind that came one after the other; one call of a tool is a block.

    Attributes:
        kind: ``text``, ``reasoning`` or ``tool_call``.
        pieces: the moment of each in ms since the request, and its text.
    """

    kind: str
    pieces: tuple[tuple[float, str], ...]

    @property
    def text(self) -> str:
        """All of it."""
        return join(text for _, text in self.pieces)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of a call, as far as they came."""
        try:
            parsed = from_json(self.text, allow_partial="trailing-strings")
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True)
class Answer:
    """One response that is sent again.

    Attributes:
        message_id: the message it is the content of; ids on the wire are made of it.
        response: what was recorded.
        model: the model that answered; what was asked for, where the recording does not know.
    """

    message_id: str
    response: Response
    model: str

    @property
    def wire_id(self) -> str:
        """What ids on the wire end with."""
        return self.message_id.replace("-", "")

    @property
    def created_s(self) -> int:
        """When the request was sent, s since the epoch."""
        return to_us(self.response.started_at) // 1_000_000

    @property
    def usage(self) -> Usage:
        """Token usage; each count None where it was not reported."""
        return self.response.usage or Usage()

    @property
    def timings(self) -> dict[str, Any]:
        """What the server told of itself, under the key of llama.cpp's; nothing where the recorded one did not."""
        told = self.response.metadata.server_timings
        return {"timings": told} if told else {}

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What was said, in order."""
        return tuple(self._blocks())

    def text_of(self, kind: str) -> str:
        """Return all that was said of one kind."""
        return join(text for block in self.blocks if block.kind == kind for _, text in block.pieces)

    @property
    def is_cut_short(self) -> bool:
        """Whether the stream stopped without an end of its own: somebody gave up, or broke."""
        return self.response.status in {"aborted", "interrupted"}

    @property
    def error(self) -> str | None:
        """What broke the stream; None where nothing did."""
        if self.response.status != "error":
            return None
        told = self.response.metadata.error
        if isinstance(told, dict) and isinstance(told.get("message"), str):
            return str(told["message"])
        return _UNTOLD if told is None else str(told)

    @cached_property
    def first_event_ms(self) -> float:
        """When the first event came; with the first chunk where that was not recorded."""
        first_ms = self.blocks[0].pieces[0][0] if self.blocks else self.response.duration_ms
        return min(self._since_request_ms(self.response.metadata.first_event_at, first_ms), first_ms)

    @cached_property
    def headers_ms(self) -> float:
        """When the answer's headers came; with the first event where that was not recorded."""
        told = self._since_request_ms(self.response.metadata.headers_at, self.first_event_ms)
        return min(told, self.first_event_ms)

    @cached_property
    def finished_ms(self) -> float:
        """When the event came that says why the stream ends; at its end where that was not recorded."""
        last_ms = self.blocks[-1].pieces[-1][0] if self.blocks else self.first_event_ms
        return max(self._since_request_ms(self.response.metadata.finished_at, self.response.duration_ms), last_ms)

    @cached_property
    def ended_ms(self) -> float:
        """When the stream ended."""
        return max(self.response.duration_ms, self.finished_ms)

    def _since_request_ms(self, moment: datetime | None, otherwise: float) -> float:
        if moment is None:
            return otherwise
        return max((to_us(moment) - to_us(self.response.started_at)) / 1000, 0.0)

    def _blocks(self) -> Iterator[Block]:
        """Cut where the kind changes, and where the arguments of a call are complete."""
        kind, pieces = "", list[tuple[float, str]]()
        arrivals = in_order(self.response.arrivals_ms).tolist()
        for at_ms, chunk in zip(arrivals, self.response.shown, strict=True):
            if chunk.kind not in _SENT:
                continue
            if pieces and (chunk.kind != kind or (kind == TOOL_CALL and _is_whole(pieces))):
                yield Block(kind, tuple(pieces))
                pieces = []
            kind = chunk.kind
            pieces.append((at_ms, chunk.delta))
        if pieces:
            yield Block(kind, tuple(pieces))


def _is_whole(pieces: list[tuple[float, str]]) -> bool:
    """Whether these are the whole arguments of a call."""
    if not pieces[-1][1].rstrip().endswith("}"):
        return False
    try:
        json.loads(join(text for _, text in pieces))
    except ValueError:
        return False
    return True
