"""A request came when its server read it, or else when the application was called."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
from starlette.requests import HTTPConnection

from chatkit.server import running
from chatkit.server.arrival import CAME_MS, NoteArrival, came_ms
from chatkit.server.pacing import LoopClock, now_ms

if TYPE_CHECKING:
    import pytest
    from starlette.types import Receive, Scope, Send


def noted(scope: dict[str, Any]) -> float:
    found = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        found.append(came_ms(HTTPConnection(scope)))

    asyncio.run(NoteArrival(app, LoopClock())({"type": "http", "headers": [], **scope}, *(lambda *_: None,) * 2))  # type: ignore[arg-type]
    return found[0]


def test_what_the_server_has_noted_counts() -> None:
    assert noted({"state": {CAME_MS: 12.5}}) == 12.5


def test_otherwise_it_is_when_the_application_is_called() -> None:
    before_ms = now_ms()
    assert before_ms <= noted({}) <= now_ms()
    assert before_ms <= noted({"state": {}}) <= now_ms()


def test_our_server_notes_it_when_it_reads_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "now_ms", lambda: 12.5)
    found: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        found.append(came_ms(HTTPConnection(scope)))
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def serve_once() -> None:
        with running.bound("127.0.0.1", 0) as listening:
            server = running.server_of(NoteArrival(app, LoopClock()), asyncio.Event())
            serving = asyncio.ensure_future(server.serve(sockets=[listening]))
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{listening.getsockname()[1]}")
            assert answer.status_code == 200
            server.should_exit = True
            await serving

    asyncio.run(serve_once())
    assert found == [12.5]
