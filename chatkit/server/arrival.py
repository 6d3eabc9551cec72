"""When a request came: a replay is counted from then, and not from when all that stands before its route is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.types import ASGIApp, Receive, Scope, Send

    from chatkit.server.pacing import Clock

CAME_MS = "chatkit.came_ms"
"""Where a server notes it in the state of a request, on the clock of :class:`~chatkit.server.pacing.LoopClock`."""


class NoteArrival:
    """Notes the time of each request of which the server has not noted it. Wraps the whole application.

    Args:
        app: answers.
        clock: whose time it is.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope.setdefault("state", {}).setdefault(CAME_MS, self.clock.now_ms())
        await self.app(scope, receive, send)


def came_ms(connection: HTTPConnection) -> float:
    """Return when a request came, on the clock of its server."""
    at_ms: float = connection.scope["state"][CAME_MS]
    return at_ms
