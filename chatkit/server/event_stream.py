"""An answer that is written while it comes: it ends when its client has gone, or the server stops."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from chatkit import sse
from chatkit.errors import ChatkitError
from chatkit.server.head import IS_HEAD
from chatkit.server.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive, Scope, Send

_LOGGER = logging.getLogger(__name__)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Nobody on the way may keep an event stream, or hold it back."""


class EventStream(Response):
    """Bytes as a generator yields them, one write each.

    The generator is closed (its ``finally`` runs) as soon as the client has gone or the server stops; a stream that
    is cut so ends in an orderly way on the wire, and its client sees that what should be the last event is missing.

    Args:
        events: yields encoded events; several in one are written at once.
        stopping: ends the stream when it is set.
        status_code: of the answer.
        headers: besides those of every event stream.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        stopping: asyncio.Event,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(None, status_code, {**HEADERS, **(headers or {})})
        del self.headers["content-length"]
        self._events = events
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the generator, the client or the server has come to an end."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        writing = asyncio.ensure_future(self._write(send))
        others = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._stopping.wait())]
        try:
            if not scope.get(IS_HEAD):
                await asyncio.wait([writing, *others], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, *others):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await self._events.aclose()
        if not others[0].done() or others[0].cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        async for events in self._events:
            await send({"type": "http.response.body", "body": events, "more_body": True})


async def telling_problems(events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield events, and an error as the last of them: after the first byte there is no other way to tell it."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except ChatkitError as error:
            _LOGGER.warning("a stream was cut short: %s", error)
            yield _last_event(error)
        except Exception as error:
            _LOGGER.exception("a stream was cut short")
            yield _last_event(error)


def _last_event(error: Exception) -> bytes:
    return sse.encode(json.dumps(ProblemError.of(error).to_dict()), event="error")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
