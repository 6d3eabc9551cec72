"""A stored response as the events of a replay: what is sent, and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from chatkit import sse
from chatkit.server.pacing import paced, wait_until
from chatkit.timing import Schedule

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from numpy.typing import ArrayLike

    from chatkit.models import Chunk, Response
    from chatkit.server.pacing import Clock
    from chatkit.server.recent import Reading
    from chatkit.timing.ragged import Floats

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
        reading: its message.
        began_ms: when it was asked for, on the clock of the server.
        speed: 2 is twice as fast, 0 instant.
        origin: where it begins; by default with the request where its time is known, else with the first chunk.
        after: the last event that the client has already, by its id; 0 for none.
    """

    reading: Reading
    began_ms: float
    speed: float = 1.0
    origin: Origin | None = None
    after: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the client has the last event already."""
        return self.after >= _done_id(_response_of(self.reading))

    async def events(self, clock: Clock) -> AsyncGenerator[bytes, None]:
        """Yield encoded events as they are due.

        A stream that was cut goes on with the chunk after the last one that was seen, on the clock of the beginning:
        as if that one had come just now.
        """
        response, frames = _response_of(self.reading), frames_of(self.reading)
        schedule = self._schedule(response)
        due_ms = self._at_speed(schedule.due_ms)
        first = next((place for place, chunk in enumerate(response.shown) if chunk.sequence > self.after), len(due_ms))
        began_ms = self.began_ms - (float(due_ms[first - 1]) if first else 0.0)
        async for due in paced(due_ms, clock, began_ms, first=first):
            yield b"".join(frames[due.first : due.past])
        await wait_until(float(self._at_speed(schedule.end_ms)), clock, began_ms)
        yield frames[-1]

    def _schedule(self, response: Response) -> Schedule:
        """Return when each chunk is due at speed 1, counted from the beginning of the whole replay."""
        origin = self.origin or ("request" if response.is_request_known else "first_chunk")
        arrivals_ms = response.arrivals_ms
        begins_ms = float(arrivals_ms[0]) if origin == "first_chunk" and len(arrivals_ms) else 0.0
        return self.reading.make(
            ("schedule", origin),
            lambda: Schedule.of(arrivals_ms, response.duration_ms, from_ms=max(begins_ms, 0.0)),
        )

    def _at_speed(self, recorded_ms: ArrayLike) -> Floats:
        return np.asarray(recorded_ms) / self.speed if self.speed else np.zeros_like(recorded_ms)


def frames_of(reading: Reading) -> list[bytes]:
    """Return the events of a replay, encoded: one for each chunk, and the last."""
    return reading.make("frames", lambda: _encoded(reading.message.message_id, _response_of(reading)))


def _response_of(reading: Reading) -> Response:
    response = reading.message.streaming_response
    if response is None:  # the route has made sure of that
        raise TypeError("not a response")
    return response


def _done_id(response: Response) -> int:
    return max((chunk.sequence for chunk in response.chunks), default=0) + 1


def _encoded(message_id: str, response: Response) -> list[bytes]:
    arrivals_ms = response.arrivals_ms.tolist()
    chunks = [
        # A line of JSON holds no line end, for which sse.encode would look at a fifth of this speed.
        b"id: %d\nevent: chunk\ndata: %b\n\n" % (chunk.sequence, _chunk_data(message_id, chunk, at_ms))
        for chunk, at_ms in zip(response.shown, arrivals_ms, strict=True)
    ]
    return [*chunks, _done_event(message_id, response)]


def _chunk_data(message_id: str, chunk: Chunk, offset_ms: float) -> bytes:
    data = _ChunkData(
        message_id,
        chunk.sequence,
        chunk.delta,
        chunk.kind,
        chunk.accumulated_chars,
        chunk.interval_ms,
        offset_ms,
    )
    try:
        return _JSON.encode(data)
    except UnicodeEncodeError:  # half a character, which JSON can escape
        return json.dumps(msgspec.structs.asdict(data)).encode()


def _done_event(message_id: str, response: Response) -> bytes:
    data: dict[str, Any] = {
        "message_id": message_id,
        "chunks": len(response.shown),
        "total_duration_ms": response.total_duration_ms,
        "finish_reason": response.finish_reason,
        "usage": None if response.usage is None else response.usage.to_dict(),
    }
    return sse.encode(json.dumps(data), event="done", id=str(_done_id(response)))
