"""Open streams end when nobody wants them any more: a client has gone, or the server stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from chatkit import sse
from chatkit.errors import NotFoundError
from chatkit.models import Message
from chatkit.server.event_stream import EventStream, telling_problems
from chatkit.store.checking import check_store
from tests.server.recordings import response_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from chatkit.store import Store

SCOPE = {"type": "http", "method": "GET", "path": "/"}
N_STREAMS = 100


class Exchange:
    """One request whose client can leave; remembers what was sent."""

    def __init__(self) -> None:
        self.begun, self.left = asyncio.Event(), asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.has_closed = False

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.begun.set()

    async def ticks(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: one\n\n"
            await asyncio.sleep(3600)
        finally:
            self.has_closed = True


def ended_by(cause: str) -> Exchange:
    """Open a stream that has an hour to go, and let something end it."""

    async def run() -> Exchange:
        exchange, stopping = Exchange(), asyncio.Event()
        stream = EventStream(exchange.ticks(), stopping)
        answering = asyncio.ensure_future(stream(SCOPE, exchange.receive, exchange.send))
        await exchange.begun.wait()
        {"client": exchange.left, "server": stopping}[cause].set()
        await asyncio.wait_for(answering, 5)
        return exchange

    return asyncio.run(run())


def test_a_client_that_has_gone_ends_its_stream() -> None:
    exchange = ended_by("client")
    assert exchange.has_closed
    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]


def test_a_server_that_stops_ends_its_streams_in_an_orderly_way() -> None:
    exchange = ended_by("server")
    assert exchange.has_closed
    assert exchange.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def told_of(error: Exception) -> list[sse.Event]:
    """Return what a client gets of a stream that an error ends."""

    async def fails() -> AsyncGenerator[bytes, None]:
        yield b"data: one\n\n"
        raise error

    async def run() -> Exchange:
        exchange = Exchange()
        stream = EventStream(telling_problems(fails()), asyncio.Event())
        await stream(SCOPE, exchange.receive, exchange.send)
        return exchange

    return sse.decode(b"".join(message.get("body", b"") for message in asyncio.run(run()).sent))


def test_an_error_in_mid_stream_is_told_as_the_last_event() -> None:
    first, last = told_of(NotFoundError("gone since"))
    assert (first.data, last.event) == ("one", "error")
    assert json.loads(last.data) == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "gone since"}


def test_what_a_stream_may_end_with_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told_of(NotFoundError("gone since"))
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage() == "a stream was cut short: gone since"


def test_a_defect_that_ends_a_stream_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    assert told_of(ZeroDivisionError())[-1].event == "error"
    assert "Traceback" in caplog.text


@pytest.fixture
def process(conversation: tuple[Store, Message, Message]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-m", "chatkit", "serve", str(conversation[0].path), "--port", "0", "--no-token"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", running.stdout.readline())
            assert found is not None
            yield running, int(found[1])
        finally:
            running.kill()


def opened(port: int, path: str, *, room: int | None = None) -> socket.socket:
    """A client that has the first byte of an answer; of what follows the system keeps so many bytes for it."""
    client = socket.socket()
    client.settimeout(20)
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    return client


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_server_that_is_told_to_stop_is_gone_soon_with_all_its_streams(
    process: tuple[subprocess.Popen[str], int], conversation: tuple[Store, Message, Message], sent: int, code: int
) -> None:
    """Within 2 s on a quiet machine; the bound here leaves room for a busy one."""
    running, port = process
    store, question, answer = conversation
    paths = (f"/api/messages/{answer.message_id}/replay?speed=0.01", f"/api/contexts/{question.context_id}/sse")
    clients = [opened(port, paths[number % 2]) for number in range(N_STREAMS)]
    began_s = time.monotonic()
    running.send_signal(sent)
    _, said = running.communicate(timeout=30)
    took_s = time.monotonic() - began_s
    assert (running.returncode, said) == (code, "")
    assert took_s < 6
    for client in clients:
        with client:
            while data := client.recv(65536):
                last = data
            assert last.endswith(b"0\r\n\r\n")
    assert check_store(store.path) == []


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_client_that_takes_nothing_is_no_error_of_a_server_that_stops(
    process: tuple[subprocess.Popen[str], int], conversation: tuple[Store, Message, Message]
) -> None:
    running, port = process
    store, question, _ = conversation
    long = response_of([0.0] * 1000, 1.0, deltas=["word" * 2500] * 1000)
    answer = store.context(question.context_id).append_message(Message.from_response(long))
    with opened(port, f"/api/messages/{answer.message_id}/replay?speed=0", room=1024) as client:
        while len(client.recv(1500, socket.MSG_PEEK)) < 1000:  # past the headers, so that events are being written
            pass
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (-signal.SIGTERM, "")
