"""When a request came: a replay is counted from then, and not from when all that stands before its route is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import ASGIApp, Receive, Scope, Send

    from chatkit.server.pacing import Clock

_CAME_MS = "chatkit.came_ms"


class NoteArrival:
    """Notes the time of each request. Wraps the whole application.

    Args:
        app: answers.
        clock: whose time it is.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[_CAME_MS] = self.clock.now_ms()
        await self.app(scope, receive, send)


def came_ms(connection: HTTPConnection) -> float:
    """Return when a request came, on the clock of its server."""
    at_ms: float = connection.scope[_CAME_MS]
    return at_ms
