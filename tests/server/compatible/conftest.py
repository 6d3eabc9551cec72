"""An application that replays by a fake clock, asked as a provider's client asks, and what it wrote when."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from chatkit import sse
from chatkit.models import Message, Piece, Response, ResponseMetadata, Usage
from chatkit.server.access import Access
from chatkit.server.app import create_app
from chatkit.store import Store
from chatkit.timing.stamps import from_us
from tests.server.recordings import SENT, SENT_US, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence
    from pathlib import Path

    from chatkit.store import Context

HOST = "127.0.0.1:8765"
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
USAGE = Usage(prompt_tokens=30, completion_tokens=9, total_tokens=39, cached_tokens=20)


@dataclass
class Answered:
    """What came back.

    Attributes:
        status: the HTTP status.
        headers_ms: when the headers came, in ms since the request.
        writes: when something was written, and what.
        ended_ms: when the answer ended.
    """

    status: int = 0
    headers_ms: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    writes: list[tuple[float, bytes]] = field(default_factory=list)
    ended_ms: float = 0.0

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.writes)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[float, sse.Event]]:
        decoder = sse.Decoder()
        return [(at_ms, event) for at_ms, data in self.writes for event in decoder.feed(data)]

    @property
    def data(self) -> list[Any]:
        """The events' contents; ``[DONE]`` as it is."""
        return [event.data if event.data == "[DONE]" else json.loads(event.data) for _, event in self.events]


class Provider:
    """Asks an application as a provider's client does."""

    def __init__(self, store: Store, runner: asyncio.Runner, token: str | None = None) -> None:
        self.clock = FakeClock()
        self.app = create_app(store, access=Access("127.0.0.1", 8765, token), clock=self.clock)
        self.runner = runner

    def ask(self, path: str, model: str, *, headers: dict[str, str] | None = None, **body: Any) -> Answered:
        said: dict[str, Any] = {"input": "Well?"} if path == RESPONSES else {"messages": said_by_user("Well?")}
        return self.post(path, json.dumps({"model": model, **said, **body}).encode(), headers or {})

    def stream(self, path: str, message: Message, speed: float = 1, **body: Any) -> Answered:
        headers = {"X-Replay-Speed": f"{speed}"}
        return self.ask(path, f"replay:{message.message_id}", headers=headers, stream=True, **body)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answered:
        return self.runner.run(self._request("POST", path, body, headers))

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answered:
        return self.runner.run(self._request("GET", path, b"", headers or {}))

    async def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answered:
        sent = {"host": HOST, "content-length": str(len(body)), **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        }
        answered, began_ms, bodies = Answered(), self.clock.now_ms(), [body]

        async def receive() -> dict[str, Any]:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            now_ms = self.clock.now_ms() - began_ms
            if message["type"] == "http.response.start":
                answered.status, answered.headers_ms = message["status"], now_ms
                answered.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            elif message.get("body"):
                answered.writes.append((now_ms, message["body"]))
            answered.ended_ms = now_ms

        await self.app(scope, receive, send)
        return answered


def said_by_user(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def answer(*pieces: tuple[float, str, str], ended_ms: float = 300.0, **known: Any) -> Response:
    """A response whose pieces (ms, kind, text) follow headers at 50 ms and a first event at 60 ms; finished at 290."""
    moments = {"headers_at": 50.0, "first_event_at": 60.0, "finished_at": 290.0}
    metadata = {name: from_us(SENT_US + round(ms * 1000)) for name, ms in moments.items()} | known.pop("metadata", {})
    return Response.from_pieces(
        [Piece(SENT_US + round(ms * 1000), text, kind) for ms, kind, text in pieces],
        started_at=SENT,
        completed_at=from_us(SENT_US + round(ended_ms * 1000)),
        metadata=ResponseMetadata.model_validate(metadata),
        **{"model": "a-model", "usage": USAGE, "finish_reason": "stop", **known},
    )


HELLO: Sequence[tuple[float, str, str]] = ((100.0, "text", "Hel"), (125.5, "text", "lo, "), (250.0, "text", "world"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture
def context(store: Store) -> Context:
    return store.create_context(title="Greetings")


@pytest.fixture
def hello(context: Context) -> Message:
    """An answer of three chunks."""
    return context.append_message(Message.from_response(answer(*HELLO)))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def provider(store: Store, runner: asyncio.Runner) -> Provider:
    """The application, which asks for no token."""
    return Provider(store, runner)
