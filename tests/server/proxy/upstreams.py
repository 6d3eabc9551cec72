"""An upstream that does what a test tells it, down to the bytes; and the proxy before it, both really listening."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn

from chatkit.server.proxy import Proxy, upstream_url
from chatkit.store import Store

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from chatkit.models import Message, Response

CHAT = "/v1/chat/completions"


@dataclass
class Exchange:
    """One request as the upstream got it, and the connection to answer on."""

    head: bytes
    body: bytes
    connection: socket.socket
    is_closed_by_peer: threading.Event = field(default_factory=threading.Event)

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def is_whole(self) -> bool:
        """Whether all of the body has come."""
        if self.headers.get("transfer-encoding") == "chunked":
            return self.body.endswith(b"0\r\n\r\n")
        return len(self.body) >= int(self.headers.get("content-length", "0"))

    def begin(self, *headers: str, status: str = "200 OK", kind: str = "text/event-stream") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Transfer-Encoding: chunked", *headers, "", ""]
        self.connection.sendall("\r\n".join(lines).encode())

    def send(self, data: bytes) -> None:
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.connection.sendall(b"0\r\n\r\n")

    def wait_for_close(self) -> None:
        """Return when the other side has hung up."""
        self.connection.settimeout(10)
        while self.connection.recv(65536):
            pass
        self.is_closed_by_peer.set()


class Upstream:
    """A server whose answers are a test's."""

    def __init__(self, answer: Callable[[Exchange], None]) -> None:
        self.exchanges: list[Exchange] = []
        self.answer = answer
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connection: socket.socket = self.request
                data = b""
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, body = data.partition(b"\r\n\r\n")
                exchange = Exchange(head, body, connection)
                while not exchange.is_whole:  # closing with a part unread would reset the connection
                    exchange.body += connection.recv(65536)
                outer.exchanges.append(exchange)
                outer.answer(exchange)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of this machine, and end it."""
    config = uvicorn.Config(
        app, port=0, log_level="critical", server_header=False, date_header=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    place = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        place.close()


@dataclass
class Through:
    """A proxy before an upstream, and the store it records into."""

    url: str
    upstream: Upstream
    store: Store
    proxy: Proxy

    def responses(self, n: int = 1) -> list[Message]:
        return responses_in(self.store, n)


def responses_in(store: Store, n: int = 1) -> list[Message]:
    """Return what is stored, in the order of creation, once there are ``n`` of them, all ended."""
    found: list[Message] = []
    for _ in range(1000):
        messages = [message for context in store.contexts() for message in context.messages()]
        found = [one for one in messages if one.streaming_response]
        if len(found) >= n and all(ended(one) for one in found):
            return sorted(found, key=lambda one: str(one.created_at))
        time.sleep(0.01)
    raise TimeoutError(f"{len(found)} of {n} responses")


def ended(message: Message) -> bool:
    return message.streaming_response is not None and message.streaming_response.completed_at is not None


def response_of(message: Message) -> Response:
    assert message.streaming_response is not None
    return message.streaming_response


@contextmanager
def proxied(path: Path, answer: Callable[[Exchange], None], **options: Any) -> Iterator[Through]:
    upstream = Upstream(answer)
    store = Store(path) if path.exists() else Store.create(path)
    proxy = Proxy(upstream_url(upstream.url), store, **options)
    try:
        with listening(proxy) as url:
            yield Through(url, upstream, store, proxy)
    finally:
        upstream.close()


def chat(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'model': 'm', 'choices': [choice]})}\n\n".encode()


def says(*texts: str, pause_s: float = 0.0) -> Callable[[Exchange], None]:
    """An upstream that says this as a chat completion."""

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        for text in texts:
            time.sleep(pause_s)
            exchange.send(chat(text))
        exchange.send(chat("", "stop") + b"data: [DONE]\n\n")
        exchange.end()

    return answer


def asking(*said: tuple[str, str]) -> dict[str, Any]:
    return {"model": "m", "stream": True, "messages": [{"role": role, "content": text} for role, text in said]}
