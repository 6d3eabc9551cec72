"""The Python client of the replay API, against a real server, and against servers that cut the connection."""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import json
import time
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.replay import remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SENT = datetime(2026, 1, 1, tzinfo=UTC)
SENT_US = 1_767_225_600_000_000
ARRIVALS_MS = (100.0, 130.5, 250.0)
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[ck.Store, ck.Message]:
    """A store with one answer: a thought and two words, ended after 300 ms."""
    store = ck.Store.create(tmp_path_factory.mktemp("replayed") / "store")
    parts = zip(ARRIVALS_MS, ("Hm. ", "Hello, ", "wörld"), ("reasoning", "text", "text"), strict=True)
    pieces = [ck.Piece(SENT_US + round(ms * 1000), text, kind) for ms, text, kind in parts]
    response = ck.Response.from_pieces(
        pieces,
        started_at=SENT,
        completed_at=SENT + timedelta(milliseconds=300),
        usage=ck.Usage(prompt_tokens=7, completion_tokens=5, total_tokens=12),
        finish_reason="stop",
    )
    return store, store.create_context().append_message(ck.Message.from_response(response))


@pytest.fixture(scope="module")
def server(stored: tuple[ck.Store, ck.Message]) -> Iterator[ck.Server]:
    with ck.serve(stored[0]) as server:
        yield server


@pytest.fixture
def url(server: ck.Server, stored: tuple[ck.Store, ck.Message]) -> str:
    return f"{server.url}/api/messages/{stored[1].message_id}/replay"


async def heard(replay: ck.ReplayEvents) -> list[ck.ReplayedChunk]:
    return [chunk async for chunk in replay]


def test_every_chunk_comes_as_it_was_recorded(url: str, server: ck.Server) -> None:
    chunks = asyncio.run(heard(ck.replay_events(url, 0, token=server.token)))
    assert chunks == [
        ck.ReplayedChunk(1, "Hm. ", "reasoning", None, 100.0, 0),
        ck.ReplayedChunk(2, "Hello, ", "text", 31, 130.5, 7),
        ck.ReplayedChunk(3, "wörld", "text", 120, 250.0, 12),
    ]
    with pytest.raises(dataclasses.FrozenInstanceError):
        chunks[0].delta = "x"  # type: ignore[misc]


def test_the_totals_are_known_at_the_end(url: str, server: ck.Server, stored: tuple[ck.Store, ck.Message]) -> None:
    replay = ck.replay_events(url, 0, token=server.token)
    assert replay.totals is None
    asyncio.run(heard(replay))
    usage = ck.Usage(prompt_tokens=7, completion_tokens=5, total_tokens=12)
    assert replay.totals == ck.ReplayTotals(stored[1].message_id, 3, 300, "stop", usage)


@pytest.mark.parametrize(("speed", "least_s"), [(None, 0.25), (2, 0.125), (0.5, 0.5)])
def test_the_chunks_take_their_time(url: str, server: ck.Server, speed: float | None, least_s: float) -> None:
    began_s = time.monotonic()
    asyncio.run(heard(ck.replay_events(url, speed, token=server.token)))
    assert least_s <= time.monotonic() - began_s < least_s + 10  # never early; how late depends on the machine


def test_the_wait_for_the_first_chunk_can_be_left_out(url: str, server: ck.Server) -> None:
    replay = ck.replay_events(f"{url}?speed=1000", token=server.token, origin="first_chunk")
    assert len(asyncio.run(heard(replay))) == 3
    assert replay.url == f"{url}?speed=1000&from=first_chunk"


def test_who_has_heard_enough_may_leave(url: str, server: ck.Server) -> None:
    async def first() -> str:
        async with aclosing(aiter(ck.replay_events(url, 100, token=server.token))) as chunks:
            return (await anext(chunks)).delta

    assert asyncio.run(first()) == "Hm. "


def test_one_object_can_be_gone_through_again(url: str, server: ck.Server) -> None:
    replay = ck.replay_events(url, 0, token=server.token)
    assert asyncio.run(heard(replay)) == asyncio.run(heard(replay))


def test_a_message_that_is_not_there_is_not_found(server: ck.Server) -> None:
    with pytest.raises(ck.NotFoundError, match=f"no message {MISSING}"):
        asyncio.run(heard(ck.replay_events(f"{server.url}/api/messages/{MISSING}/replay", token=server.token)))


def test_without_the_token_the_servers_own_words_are_raised(url: str) -> None:
    with pytest.raises(ck.ServerError, match="open the link that 'chatkit serve' printed"):
        asyncio.run(heard(ck.replay_events(url)))


def test_a_speed_that_the_server_refuses_is_a_value_error(url: str, server: ck.Server) -> None:
    with pytest.raises(ValueError, match=r"0\.01 to 1000"):
        asyncio.run(heard(ck.replay_events(url, 5000, token=server.token)))


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf")])
def test_a_speed_that_makes_no_sense_is_refused_before_anybody_is_asked(speed: float) -> None:
    with pytest.raises(ValueError, match="speed is"):
        ck.replay_events("http://127.0.0.1:1/", speed)


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(ck.ServerError, match="is the server running"):
        asyncio.run(heard(ck.replay_events("http://127.0.0.1:1/api/messages/x/replay")))


def test_without_httpx_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "httpx":
            raise ModuleNotFoundError("no module named httpx", name="httpx")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ck.MissingExtraError, match=r'pip install "chatkit-lab\[server\]"'):
        ck.replay_events("http://127.0.0.1:1/")


def event(number: int) -> bytes:
    content = {
        "sequence": number, "delta": f"word{number}", "kind": "text", "interval_ms": 1, "offset_ms": number * 1.0,
        "accumulated_chars": number,
    }  # fmt: skip
    return f"id: {number}\nevent: chunk\ndata: {json.dumps(content)}\n\n".encode()


TOTALS = {"message_id": "x", "chunks": 3, "total_duration_ms": None, "finish_reason": None, "usage": None}
DONE = f"id: 9\nevent: done\ndata: {json.dumps(TOTALS)}\n\n".encode()
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"


class Cutter:
    """A server whose answers are written out beforehand; it closes the connection after each.

    Attributes:
        seen: the ``Last-Event-ID`` of each request.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.seen: list[str | None] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        listening = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with listening:
            self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api/messages/x/replay"
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self.seen.append(next((line.split(": ")[1] for line in head if line.lower().startswith("last-event-id")), None))
        writer.write(self.answers.pop(0) if self.answers else b"")
        await writer.drain()
        writer.close()

    def heard(self) -> tuple[list[int], ck.ReplayTotals | None]:
        return asyncio.run(self._heard())

    async def _heard(self) -> tuple[list[int], ck.ReplayTotals | None]:
        async with self.running():
            replay = ck.replay_events(self.url)
            return [chunk.sequence async for chunk in replay], replay.totals


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_FIRST_PAUSE_S", 0.001)


def test_a_cut_connection_is_resumed_after_the_last_event_that_came() -> None:
    server = Cutter(OK + b"\r\n" + event(1) + event(2)[:20], OK + b"\r\n" + event(2), OK + b"\r\n" + event(3) + DONE)
    assert server.heard() == ([1, 2, 3], ck.ReplayTotals("x", 3, None, None, None))
    assert server.seen == [None, "1", "2"]


def test_a_connection_that_breaks_in_the_middle_of_a_body_is_resumed() -> None:
    promised = OK + b"content-length: 100000\r\n\r\n"
    server = Cutter(promised + event(1), b"", b"HTTP/1.1 503 Not Yet\r\n\r\n", OK + b"\r\n" + event(2) + DONE)
    assert server.heard()[0] == [1, 2]
    assert server.seen == [None, "1", "1", "1"]


def test_tries_that_bring_nothing_are_bounded() -> None:
    server = Cutter(OK + b"\r\n" + event(1))
    with pytest.raises(ck.ServerError, match="cut off after event 1, and 5 more tries brought nothing"):
        server.heard()
    assert server.seen == [None, *["1"] * 5]


def test_a_server_that_says_that_all_was_seen_ends_it() -> None:
    server = Cutter(OK + b"\r\n" + event(1), b"HTTP/1.1 204 No Content\r\n\r\n")
    assert server.heard() == ([1], None)


def test_an_error_in_the_stream_is_raised() -> None:
    problem = json.dumps({"status": 500, "detail": "the disk is gone"})
    server = Cutter(OK + b"\r\n" + event(1) + f"event: error\ndata: {problem}\n\n".encode())
    with pytest.raises(ck.ServerError, match="the disk is gone"):
        server.heard()


def test_an_answer_that_is_no_event_stream_is_told() -> None:
    with pytest.raises(ck.ServerError, match="the server answered 418"):
        Cutter(b"HTTP/1.1 418 Teapot\r\nconnection: close\r\n\r\n").heard()
