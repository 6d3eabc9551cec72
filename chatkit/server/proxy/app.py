"""The proxy as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from anyio import to_thread

from chatkit.capture.clock import Clock
from chatkit.server.proxy.exchange import Exchange, Route
from chatkit.server.proxy.recording import Archive, LiveRecording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from chatkit.store import Store

MOST_WAITING_BYTES = 100_000_000
_CONNECT_TIMEOUT_S = 10.0
_MOST_IDLE_CONNECTIONS = 100


class Proxy:
    """Hands requests on to an upstream and answers back, and records the streamed ones.

    Args:
        upstream: the base URL that it stands for; see :func:`upstream_url`.
        store: where answers are kept.
        labels: metadata of every response's message.
        most_waiting_bytes: so much may have come from the upstream that a client has not taken; past that the
            upstream is held up, and the recording says ``backpressured``.
    """

    def __init__(
        self,
        upstream: httpx.URL,
        store: Store,
        *,
        labels: Mapping[str, Any] | None = None,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
    ) -> None:
        self._recordings: list[LiveRecording] = []
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_MOST_IDLE_CONNECTIONS)
        self._route = Route(
            upstream=upstream,
            client=httpx.AsyncClient(timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT_S), limits=limits),
            archive=Archive(store, labels or {}),
            clock=Clock(),
            most_waiting_bytes=most_waiting_bytes,
            note=self._note,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await Exchange(self._route, scope, receive, send).run()

    async def settle(self) -> None:
        """Wait until everything that passed is stored."""
        for recording in list(self._recordings):
            await to_thread.run_sync(recording.join)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._route.client.aclose()
                await self.settle()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _note(self, recording: LiveRecording) -> None:
        self._recordings = [*(one for one in self._recordings if one.is_running), recording]


def upstream_url(text: str) -> httpx.URL:
    """Return the base URL of an upstream.

    Raises:
        ValueError: it is none.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"{text}: {error}; give a URL such as http://127.0.0.1:8080") from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise ValueError(f"{text}: no base URL; give one such as http://127.0.0.1:8080, without query")
    return url
