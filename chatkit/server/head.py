"""HEAD, answered by every route that answers GET: the same headers, and no body."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_HEAD = "chatkit.is_head"
"""Set in the scope of a request whose answer has no body, so that a stream need not be started."""


class AnswerHead:
    """Asks the application for what GET would give, and leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app({**scope, "method": "GET", IS_HEAD: True}, receive, send_without_body)
