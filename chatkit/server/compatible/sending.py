"""An answer sent in its time: as a stream, or at once when the recorded stream had ended."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from chatkit.server.arrival import came_ms
from chatkit.server.compatible.shape import to_json
from chatkit.server.event_stream import EventStream
from chatkit.server.pacing import paced, wait_until
from chatkit.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from chatkit.server.compatible.answer import Answer
    from chatkit.server.compatible.script import Script
    from chatkit.server.compatible.shape import Shape
    from chatkit.server.service import Service


class Sending:
    """One request on its way to its answer. Its replay began with it.

    Args:
        request: whose client may go away.
        service: has the clock, and stops some day.
        speed: 2 in half the time, 0 all at once.
    """

    def __init__(self, request: Request, service: Service, speed: float) -> None:
        self._request = request
        self._service = service
        self._clock = service.clock
        self._speed = speed
        self._began_ms = came_ms(request)

    async def stream(self, script: Script) -> Response:
        """Return the events, each in its time; the headers wait for theirs, too."""
        await self._wait(script.headers_ms)
        return EventStream(self._frames(script), self._service.stopping)

    async def whole(self, answer: Answer, shape: Shape) -> Response:
        """Return the answer when the recorded one had ended.

        Raises:
            ProblemError: it ended with an error.
        """
        await self._wait(answer.ended_ms)
        if answer.error is not None:
            raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, answer.error)
        return Response(to_json(shape.whole(answer)), media_type="application/json")

    async def _frames(self, script: Script) -> AsyncGenerator[bytes, None]:
        due_ms = script.due_ms / self._speed if self._speed else script.due_ms * 0
        async for due in paced(due_ms, self._clock, self._began_ms):
            yield b"".join(script.frames[due.first : due.past])
        await wait_until(self._due_ms(script.end_ms), self._clock, self._began_ms)

    def _due_ms(self, recorded_ms: float) -> float:
        return recorded_ms / self._speed if self._speed else 0.0

    async def _wait(self, recorded_ms: float) -> None:
        """Wait for a recorded moment, of an answer of which nothing has been sent yet.

        Raises:
            ProblemError: the client has gone, or the server stops.
        """
        due_ms = self._due_ms(recorded_ms)
        if due_ms <= self._clock.now_ms() - self._began_ms:
            return
        waiting = asyncio.ensure_future(wait_until(due_ms, self._clock, self._began_ms))
        others = [asyncio.ensure_future(self._gone()), asyncio.ensure_future(self._service.stopping.wait())]
        try:
            await asyncio.wait([waiting, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, *others):
                task.cancel()
        if waiting.cancelled() or not waiting.done():
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the server is stopping: ask again when it is back")

    async def _gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
