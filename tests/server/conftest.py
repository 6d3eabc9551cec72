"""A small store, and ways to ask its server without a network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit import sse
from chatkit.server.access import Access
from chatkit.server.app import create_app
from tests.server.recordings import FakeClock, hundred_arrivals_ms, response_of, stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.models import Message
    from chatkit.store import Store

ORIGIN = "http://127.0.0.1:8765"
TOKEN = "a-token-that-is-known-to-the-test"  # noqa: S105 - of a server that does not listen


class Asking:
    """Asks an application, on one event loop; with the token unless another header is given."""

    def __init__(self, app: Any, runner: asyncio.Runner) -> None:
        self.app = app
        self.runner = runner

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        return self.runner.run(self._ask(method, path, headers=headers, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self("POST", path, **options)

    def timeline(self, path: str, clock: FakeClock, **headers: str) -> list[tuple[float, sse.Event]]:
        """Return each event of a stream with the moment it was written, in ms since the stream began."""
        return self.runner.run(self._timeline(path, clock, headers))

    async def _timeline(self, path: str, clock: FakeClock, headers: dict[str, str]) -> list[tuple[float, sse.Event]]:
        sent = {"authorization": f"Bearer {TOKEN}", "host": ORIGIN.removeprefix("http://"), **headers}
        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": "GET",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
        }
        found: list[tuple[float, sse.Event]] = []
        decoder, began_ms = sse.Decoder(), clock.now_ms()
        is_over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            assert message.get("status", 200) == 200
            events = decoder.feed(message.get("body", b""))
            found.extend((clock.now_ms() - began_ms, event) for event in events)

        await self.app(scope, receive, send)
        return found

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, path, **options)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def conversation(tmp_path: Path) -> tuple[Store, Message, Message]:
    """A store with a question and an answer of 100 chunks."""
    arrivals_ms = hundred_arrivals_ms()
    return stored(tmp_path, response_of(arrivals_ms, arrivals_ms[-1] + 40))


@pytest.fixture
def asking(conversation: tuple[Store, Message, Message], clock: FakeClock) -> Iterator[Asking]:
    """A client of the application that serves this store, by the fake clock."""
    app = create_app(conversation[0], access=Access("127.0.0.1", 8765, TOKEN), clock=clock)
    with asyncio.Runner() as runner:
        yield Asking(app, runner)
