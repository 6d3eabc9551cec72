"""A replay from a server, chunk by chunk: the client of ``GET /api/messages/{id}/replay``."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chatkit import sse
from chatkit.errors import ChatkitError, MissingExtraError, NotFoundError, ServerError, StreamStateError
from chatkit.models import Usage
from chatkit.timing.schedule import check_speed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import ModuleType

    import httpx

_MOST_TRIES = 5
_FIRST_PAUSE_S = 0.1
_CONNECT_S = 10.0
_PASSING = {502, 503, 504}
"""A server that is being started again, or what stands before it, says so."""
_OVER = 204
_ERRORS: dict[int, type[ChatkitError]] = {404: NotFoundError, 409: StreamStateError}
_INVALID = 422


@dataclass(frozen=True, slots=True)
class ReplayedChunk:
    """One chunk, as it came over the wire.

    Attributes:
        sequence: 1, 2, 3, …
        delta: its text.
        kind: ``text``, ``reasoning`` or ``tool_call``.
        interval_ms: recorded ms since the chunk before; None on the first.
        offset_ms: recorded ms since the request.
        accumulated_chars: code points of answer text so far; None where that was not recorded.
    """

    sequence: int
    delta: str
    kind: str
    interval_ms: int | None
    offset_ms: float
    accumulated_chars: int | None


@dataclass(frozen=True, slots=True)
class ReplayTotals:
    """What a replay ends with.

    Attributes:
        message_id: the message that was replayed.
        chunks: how many there were.
        total_duration_ms: recorded ms from the request to the end; None where that is not known.
        finish_reason: as recorded.
        usage: as recorded; None where it was not.
    """

    message_id: str
    chunks: int
    total_duration_ms: int | None
    finish_reason: str | None
    usage: Usage | None


class ReplayEvents:
    """The chunks of a replay, each when it comes: ``async for chunk in replay_events(url)``.

    Attributes:
        url: what is asked.
        totals: what the replay ended with; None until it has.
    """

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.totals: ReplayTotals | None = None
        self._headers = headers

    def __aiter__(self) -> AsyncGenerator[ReplayedChunk, None]:  # noqa: PYI058 - who leaves early can close it
        """Ask, and yield what comes; each time from the beginning."""
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[ReplayedChunk, None]:
        """Ask again where a connection is cut, after the last event that came; a try that brings nothing is counted."""
        httpx = _httpx()
        timeout = httpx.Timeout(None, connect=_CONNECT_S)  # a recorded wait may be long
        self.totals = None
        async with httpx.AsyncClient(timeout=timeout) as client:
            connection = _Connection(client, self.url, self._headers)
            failed = 0
            while not connection.is_over:
                before = connection.last_id
                async with aclosing(connection.events()) as events:
                    async for event in events:
                        if event.event == "chunk":
                            yield _chunk(event.data)
                        elif event.event == "done":
                            self.totals = _totals(event.data)
                            return
                failed = 1 if connection.last_id != before else failed + 1
                if failed > _MOST_TRIES:
                    raise ServerError(
                        f"the replay of {self.url} was cut off after event {before or 0}, "
                        f"and {_MOST_TRIES} more tries brought nothing: {connection.reason}"
                    )
                await asyncio.sleep(_FIRST_PAUSE_S * 2 ** (failed - 1))


class _Connection:
    """One replay, over as many connections as it takes.

    Attributes:
        last_id: the last event that came.
        reason: what cut the last connection.
        is_over: whether the server has said that nothing more will come.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> None:
        self.last_id = ""
        self.reason = ""
        self.is_over = False
        self._client = client
        self._url = url
        self._headers = headers
        self._has_begun = False

    async def events(self) -> AsyncGenerator[sse.Event, None]:
        """Yield what one connection brings, until it is cut."""
        httpx = _httpx()
        self.reason = "it ended before its last event"
        headers = self._headers | ({"Last-Event-ID": self.last_id} if self.last_id else {})
        try:
            async with self._client.stream("GET", self._url, headers=headers) as answer:
                if await self._is_stream(answer):
                    decoder = sse.Decoder()
                    pieces: Any = answer.aiter_raw()
                    async with aclosing(pieces):
                        async for piece in pieces:
                            for event in decoder.feed(piece):
                                if event.event == "error":
                                    raise _refusal(self._url, answer.status_code, event.data)
                                self.last_id = event.last_event_id
                                yield event
        except httpx.TransportError as error:
            self.reason = f"{type(error).__name__} {error}".strip()
            if not self._has_begun:
                raise ServerError(f"{self._url} can't be reached: {self.reason}; is the server running?") from error

    async def _is_stream(self, answer: httpx.Response) -> bool:
        """Whether events follow; False where to ask again may help, or there are no more.

        Raises:
            ChatkitError: the server refuses.
            ValueError: it refuses the speed.
        """
        if self._has_begun and answer.status_code in _PASSING:
            self.reason = f"the server answered {answer.status_code}"
            return False
        if not answer.is_success:
            await answer.aread()
            raise _refusal(self._url, answer.status_code, answer.text)
        self._has_begun = True
        self.is_over = answer.status_code == _OVER
        return not self.is_over


def replay_events(
    url: str,
    speed: float | None = None,
    *,
    token: str | None = None,
    origin: Literal["request", "first_chunk"] | None = None,
) -> ReplayEvents:
    """Replay a response from a server: ``async for chunk in ck.replay_events(url)``.

    Each chunk comes when it is due. A connection that is cut is made again after a pause, and goes on with the next
    chunk on the original clock; five tries that bring nothing end it. Afterwards ``totals`` has the recorded duration,
    finish reason and usage. Who leaves the loop early and wants the connection closed there and then says
    ``async with aclosing(aiter(replay)) as chunks``.

    Args:
        url: ``http://127.0.0.1:8765/api/messages/{id}/replay``.
        speed: 2 is twice as fast, 0.5 half as fast, 0 instant; as recorded by default.
        token: what ``chatkit serve`` printed.
        origin: with the wait before the first chunk (``request``), or without it (``first_chunk``); by default with
            it where the time of the request is known.

    Raises:
        MissingExtraError: ``pip install "chatkit-lab[server]"`` brings what is missing.
        NotFoundError: the server has no such message.
        StreamStateError: the response is still in flight.
        ServerError: the server can't be reached, refuses, or cuts the replay off again and again.
        ValueError: the speed makes no sense.

    >>> async def shown(url):
    ...     async for chunk in replay_events(url, speed=2):
    ...         print(chunk.delta, end="", flush=True)
    """
    if speed is not None:
        check_speed(speed)
    given = {"speed": speed, "from": origin}
    parameters = {name: value for name, value in given.items() if value is not None}
    asked = _httpx().URL(url).copy_merge_params(parameters)
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    return ReplayEvents(str(asked), headers | ({} if token is None else {"Authorization": f"Bearer {token}"}))


def _httpx() -> ModuleType:
    try:
        import httpx  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError('httpx is not installed: pip install "chatkit-lab[server]"') from error
    return httpx


def _chunk(data: str) -> ReplayedChunk:
    told = json.loads(data)
    return ReplayedChunk(
        sequence=told["sequence"],
        delta=told["delta"],
        kind=told["kind"],
        interval_ms=told["interval_ms"],
        offset_ms=told["offset_ms"],
        accumulated_chars=told["accumulated_chars"],
    )


def _totals(data: str) -> ReplayTotals:
    told = json.loads(data)
    usage = told["usage"]
    return ReplayTotals(
        message_id=told["message_id"],
        chunks=told["chunks"],
        total_duration_ms=told["total_duration_ms"],
        finish_reason=told["finish_reason"],
        usage=None if usage is None else Usage.model_validate(usage),
    )


def _refusal(url: str, status: int, body: str) -> Exception:
    """Return the error for an answer, in the words of its problem details where it has some."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    detail = told.get("detail") or f"the server answered {status}"
    status = told.get("status", status)
    if status == _INVALID:
        return ValueError(f"{url}: {detail}")
    return _ERRORS.get(status, ServerError)(f"{url}: {detail}")
