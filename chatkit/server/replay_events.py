"""A stored response as the events of a replay: what is sent, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chatkit import sse
from chatkit.server.pacing import paced, wait_until
from chatkit.timing import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from chatkit.models import Chunk, Response
    from chatkit.server.pacing import Clock

Origin = Literal["request", "first_chunk"]
"""Where a replay begins: with the wait for the first chunk, or after it."""

_JSON = msgspec.json.Encoder()


class _ChunkData(msgspec.Struct):
    message_id: str
    sequence: int
    delta: str
    kind: str
    accumulated_chars: int | None
    interval_ms: int | None
    offset_ms: float


@dataclass(frozen=True, eq=False)
class Replay:
    """One response, as it is to be replayed.

    Args:
        message_id: the message.
        response: its content, complete.
        speed: 2 is twice as fast, 0 instant.
        origin: where it begins; by default with the request where its time is known, else with the first chunk.
        after: the last event that the client has already, by its id; 0 for none.
    """

    message_id: str
    response: Response
    speed: float = 1.0
    origin: Origin | None = None
    after: int = 0

    @property
    def done_id(self) -> int:
        """The id of the last event."""
        return max((chunk.sequence for chunk in self.response.chunks), default=0) + 1

    @property
    def is_over(self) -> bool:
        """Whether the client has the last event already."""
        return self.after >= self.done_id

    @property
    def schedule(self) -> Schedule:
        """When each chunk is due, counted from the beginning of the whole replay."""
        arrivals_ms = self.response.arrivals_ms
        origin = self.origin or ("request" if self.response.is_request_known else "first_chunk")
        begins_ms = float(arrivals_ms[0]) if origin == "first_chunk" and len(arrivals_ms) else 0.0
        return Schedule.of(arrivals_ms, self.response.duration_ms, speed=self.speed, from_ms=max(begins_ms, 0.0))

    async def events(self, clock: Clock) -> AsyncGenerator[bytes, None]:
        """Yield encoded events as they are due.

        A stream that was cut goes on with the chunk after the last one that was seen, on the clock of the beginning:
        as if that one had come just now.
        """
        schedule = self.schedule
        chunks = self.response.shown
        first = next((place for place, chunk in enumerate(chunks) if chunk.sequence > self.after), len(chunks))
        seen_ms = float(schedule.due_ms[first - 1]) if first else 0.0
        began_ms = clock.now_ms() - seen_ms
        async for due in paced(schedule.due_ms, clock, began_ms, first=first):
            yield b"".join([self._chunk_event(place) for place in range(due.first, due.past)])
        await wait_until(schedule.end_ms, clock, began_ms)
        yield self._done_event()

    def _chunk_event(self, place: int) -> bytes:
        chunk = self.response.shown[place]
        # A line of JSON holds no line end, for which sse.encode would look at a fifth of this speed.
        return b"id: %d\nevent: chunk\ndata: %b\n\n" % (chunk.sequence, self._chunk_data(chunk, place))

    def _chunk_data(self, chunk: Chunk, place: int) -> bytes:
        data = _ChunkData(
            self.message_id,
            chunk.sequence,
            chunk.delta,
            chunk.kind,
            chunk.accumulated_chars,
            chunk.interval_ms,
            float(self.response.arrivals_ms[place]),
        )
        try:
            return _JSON.encode(data)
        except UnicodeEncodeError:  # half a character, which JSON can escape
            return json.dumps(msgspec.structs.asdict(data)).encode()

    def _done_event(self) -> bytes:
        response = self.response
        data: dict[str, Any] = {
            "message_id": self.message_id,
            "chunks": len(response.shown),
            "total_duration_ms": response.total_duration_ms,
            "finish_reason": response.finish_reason,
            "usage": None if response.usage is None else response.usage.to_dict(),
        }
        return sse.encode(json.dumps(data), event="done", id=str(self.done_id))
