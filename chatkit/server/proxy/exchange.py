"""One request and its answer on their way through."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from chatkit.server.problems import ProblemError
from chatkit.server.proxy.asked import Asked, ClientGoneError
from chatkit.server.proxy.backlog import Backlog
from chatkit.server.proxy.headers import for_client, for_upstream
from chatkit.server.proxy.recording import Archive, Head, LiveRecording
from chatkit.server.proxy.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from chatkit.capture.clock import Clock

_EVENT_STREAM = "text/event-stream"
_LAG_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go, and where answers are kept.

    Attributes:
        upstream: what a request's target is appended to.
        client: sends them.
        archive: where answers are kept.
        clock: by which all moments are told.
        most_waiting_bytes: so much may have come from the upstream that the client has not taken.
        note: is told of each recording, which may outlive its exchange.
    """

    upstream: httpx.URL
    client: httpx.AsyncClient
    archive: Archive
    clock: Clock
    most_waiting_bytes: int
    note: Callable[[LiveRecording], None]

    def request(self, asked: Asked) -> httpx.Request:
        """Return what is sent to the upstream: the same, but for headers that concern the connection."""
        target = self.upstream.raw_path.rstrip(b"/") + asked.target
        return httpx.Request(
            asked.method,
            self.upstream.copy_with(raw_path=target),
            headers=for_upstream(asked.headers),
            content=asked.pieces() if asked.has_body else None,
        )


class Exchange:
    """Hands one request on, and its answer back, byte for byte and as they come."""

    def __init__(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        self._route, self._scope, self._receive, self._send = route, scope, receive, send
        self._asked = Asked(scope, receive)
        self._started_ns = 0

    async def run(self) -> None:
        """Do it. Returning before the answer is whole makes the server cut the connection, as the upstream did."""
        gone = asyncio.create_task(self._asked.gone())
        try:
            response = await self._ask(gone)
            if response is not None:
                try:
                    await self._answer(response, gone)
                finally:
                    await response.aclose()
        except ProblemError as problem:
            await refuse(self._scope, problem)(self._scope, self._receive, self._send)
        finally:
            gone.cancel()

    async def _ask(self, gone: asyncio.Task[None]) -> httpx.Response | None:
        """Send the request and return the head of its answer; None if the client leaves before it comes."""
        if not self._asked.has_body:
            async for _ in self._asked.pieces():
                pass
        request = self._request()
        self._started_ns = self._route.clock.now_ns()
        asking = asyncio.create_task(self._route.client.send(request, stream=True))
        try:
            await asyncio.wait({asking, gone}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        except ClientGoneError:
            return None
        except httpx.TransportError as error:
            raise self._no_answer(error) from error
        finally:
            await _cancelled(asking)
        self._record_nothing()
        return None

    def _request(self) -> httpx.Request:
        try:
            return self._route.request(self._asked)
        except httpx.InvalidURL as error:
            target = self._asked.target.decode("latin-1")
            detail = f"{target}: nothing that can be asked of {self._route.upstream}: {error}; "
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"{detail}ask a path such as /v1/chat/completions") from error

    async def _answer(self, response: httpx.Response, gone: asyncio.Task[None]) -> None:
        """Send the answer while it comes; a task of its own reads it, however slow the client is."""
        recording = self._recording(response)
        backlog = Backlog(self._route.most_waiting_bytes)
        reading = asyncio.create_task(self._read(response, backlog, recording))
        sending = asyncio.create_task(self._hand_on(response, backlog))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(sending)
            await _cancelled(reading)

    async def _read(self, response: httpx.Response, backlog: Backlog, recording: LiveRecording | None) -> None:
        now_ns = self._route.clock.now_ns
        error: Exception | None = None
        is_aborted = True
        try:
            async for piece in response.aiter_raw():
                if recording is not None:
                    recording.add(now_ns(), piece)
                    await self._wait_for(recording, backlog)
                await backlog.put(piece)
            is_aborted = False
        except httpx.TransportError as broken:
            error, is_aborted = broken, False
        finally:
            if recording is not None:
                recording.end(now_ns(), error, is_aborted=is_aborted, is_backpressured=backlog.has_waited)
            backlog.close(error)

    async def _wait_for(self, recording: LiveRecording, backlog: Backlog) -> None:
        """Hold the upstream up while more waits to be recorded than may."""
        while recording.waiting_bytes > self._route.most_waiting_bytes:
            backlog.has_waited = True
            await asyncio.sleep(_LAG_PAUSE_S)

    async def _hand_on(self, response: httpx.Response, backlog: Backlog) -> None:
        """Send the answer; where the upstream's breaks off, so does ours: without its end."""
        headers = for_client(response.headers.raw)
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        with suppress(httpx.TransportError):
            async for piece in backlog:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})

    def _recording(self, response: httpx.Response) -> LiveRecording | None:
        """Begin to record, if this is the stream of a known API."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._asked.api is None or kind != _EVENT_STREAM or self._asked.body() is None:
            return None
        encoding = response.headers.get("content-encoding", "identity")
        return self._begin(Head(response.status_code, encoding, self._route.clock.now_ns()))

    def _record_nothing(self) -> None:
        """Keep that somebody waited for a stream and left before anything came."""
        body = self._asked.body()
        if self._asked.api is not None and body is not None and body.get("stream"):
            recording = self._begin(Head(None, "identity", None))
            recording.end(self._route.clock.now_ns(), None, is_aborted=True, is_backpressured=False)

    def _begin(self, head: Head) -> LiveRecording:
        route = self._route
        recording = LiveRecording(route.archive, self._asked, route.clock, self._started_ns, head)
        route.note(recording)
        return recording

    def _no_answer(self, error: Exception) -> ProblemError:
        detail = f"no answer from {self._route.upstream}: {error or type(error).__name__}; is it running?"
        return ProblemError(HTTPStatus.BAD_GATEWAY, detail)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """End a task, and wait for its end; what it raised is told where it was awaited, or is of no interest."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
