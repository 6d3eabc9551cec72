"""Recordings made with a clock that stands still until it is told what time it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.capture.clock import Clock
from chatkit.capture.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from chatkit.models import Response

SENT_NS = 1_795_424_510_081_976_310


class FakeTime:
    """What time it is, in ms since the request was sent."""

    def __init__(self) -> None:
        self.ms = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: SENT_NS, lambda: round(self.ms * 1e6))

    def stream(self, *events: tuple[float, Any]) -> Iterator[Any]:
        """Give each event at its time."""
        for self.ms, event in events:
            yield event

    async def async_stream(self, *events: tuple[float, Any]) -> AsyncIterator[Any]:
        """Give each event at its time."""
        for event in self.stream(*events):
            yield event


def recorded(path: Path, *events: tuple[float, Any], **known: Any) -> Recorder:
    """Record a stream of events, each with its time in ms."""
    time = FakeTime()
    with Recorder(path, clock=time.clock(), **known) as recorder:
        for _ in recorder.tee(time.stream(*events)):
            pass
    return recorder


def response_of(recorder: Recorder) -> Response:
    response = recorder.message.streaming_response
    assert response is not None
    return response


def kinds(response: Response) -> list[tuple[float, str, str]]:
    """Return arrival in ms, kind and text of each chunk."""
    return [(at_ms, chunk.kind, chunk.delta) for at_ms, chunk in zip(response.arrivals_ms, response.shown, strict=True)]


def at_10_ms(events: Iterable[Any]) -> list[tuple[float, Any]]:
    """Let the events come 10 ms apart, the first after 10 ms."""
    return [(10.0 * number, event) for number, event in enumerate(events, start=1)]
