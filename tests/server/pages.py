"""Servers for browser tests: of a store, at a port where something may stand between, and of a foreign page."""

from __future__ import annotations

import http.server
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from chatkit.server.access import Access
from chatkit.server.app import create_app
from chatkit.server.running import bound, server_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.store import Store

_HOST = "127.0.0.1"


@contextmanager
def served_behind_a_cut(store: Store, cut_after: bytes) -> Iterator[str]:
    """Serve a store behind a relay that cuts the first answer in which these bytes come; yields the origin."""
    with bound(_HOST, 0) as listening, socket.create_server((_HOST, 0)) as relay:
        access = Access(_HOST, relay.getsockname()[1], None)
        app = create_app(store, access=access)
        server = server_of(app, app.state.service.stopping)
        serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
        serving.start()
        relaying = threading.Thread(target=_relay, args=(relay, listening.getsockname(), cut_after), daemon=True)
        relaying.start()
        try:
            yield access.origin
        finally:
            with suppress(OSError):
                relay.shutdown(socket.SHUT_RDWR)
            server.should_exit = True
            serving.join()


def _relay(relay: socket.socket, target: tuple[str, int], cut_after: bytes) -> None:
    is_whole = threading.Event()
    with suppress(OSError):
        while True:
            client, _ = relay.accept()
            threading.Thread(target=_pass_on, args=(client, target, cut_after, is_whole), daemon=True).start()


def _pass_on(client: socket.socket, target: tuple[str, int], cut_after: bytes, is_cut: threading.Event) -> None:
    with client, socket.create_connection(target) as server:
        asking = threading.Thread(target=_pump, args=(client, server), daemon=True)
        asking.start()
        seen = b""
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
                seen += data
                if cut_after in seen and not is_cut.is_set():
                    is_cut.set()
                    break
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        asking.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


@contextmanager
def foreign_page() -> Iterator[str]:
    """Serve an empty page on another port; yields its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((_HOST, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{_HOST}:{server.server_port}/"
        server.shutdown()
        thread.join()
