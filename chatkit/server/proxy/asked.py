"""What a client asks: its body on the way through, and whether it asks a known API for a stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from chatkit.capture.anthropic import ANTHROPIC_MESSAGES
from chatkit.capture.gemini import GEMINI
from chatkit.capture.openai_chat import OPENAI_CHAT
from chatkit.capture.openai_responses import OPENAI_RESPONSES
from chatkit.capture.wire import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope

_APIS = (
    ("/chat/completions", OPENAI_CHAT),
    ("/responses", OPENAI_RESPONSES),
    ("/messages", ANTHROPIC_MESSAGES),
    (":streamGenerateContent", GEMINI),
)
_MOST_KEPT_BYTES = 64 * 1024 * 1024
"""A larger body passes too, but what it asked for is not recorded."""


class ClientGoneError(Exception):
    """The client hung up."""


class Asked:
    """One request on its way through.

    Args:
        scope: of ASGI.
        receive: of ASGI.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        self.target = raw_path.partition(b"?")[0] + (b"?" + query if query else b"")
        self._receive = receive
        self._kept: bytearray | None = bytearray()
        self._has_come = asyncio.Event()

    @property
    def api(self) -> str | None:
        """The known API that is asked, as recordings name it."""
        if self.method != "POST":
            return None
        path = self.path.rstrip("/")
        return next((shape.name for end, shape in _APIS if path.endswith(end)), None)

    @property
    def has_body(self) -> bool:
        """Whether anything is sent."""
        return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)

    def body(self) -> dict[str, Any] | None:
        """Return what was asked for, once it has come: a JSON object; None where it is something else."""
        found = None if self._kept is None else parse(self._kept.decode("utf-8", "replace"))
        return found if isinstance(found, dict) else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Hand the body on as it comes.

        Raises:
            ClientGoneError: the client hung up before its end.
        """
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece, more = message.get("body", b""), message.get("more_body", False)
            self._keep(piece)
            if piece:
                yield piece
        self._has_come.set()

    async def gone(self) -> None:
        """Return when the client hangs up, once its body has come."""
        await self._has_come.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _keep(self, piece: bytes) -> None:
        if self._kept is None or self.api is None:
            return
        if len(self._kept) + len(piece) > _MOST_KEPT_BYTES:
            self._kept = None
        else:
            self._kept += piece
