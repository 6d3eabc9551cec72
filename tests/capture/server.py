"""A model's server on this machine: it sends the events of a capture, as slowly as it is told to."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


def events_of(name: str) -> list[bytes]:
    """Return the raw events of a capture, each with the blank line that ends it."""
    lines = (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    return [f"{json.loads(line)['event']}\n\n".encode() for line in lines]


@contextmanager
def serving(events: Sequence[bytes], *, headers_after_s: float = 0.0, gap_s: float = 0.0) -> Iterator[str]:
    """Serve one stream to every POST, and give the server's address.

    Args:
        events: what is sent, each in a packet of its own.
        headers_after_s: how long the response's headers take.
        gap_s: how long each event after the first takes.
    """

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(headers_after_s)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            try:
                self._send()
            except ConnectionError:
                hung_up.set()

        def _send(self) -> None:
            for number, event in enumerate(events):
                time.sleep(gap_s if number else 0)
                self.wfile.write(event)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    hung_up = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
