"""The running server: bound first, so that its link is known, and gone within two seconds when it is told to stop."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp

_GRACE_S = 1
"""What has not ended this long after the open streams were told to is cut."""
SWITCH_S = 0.0005
"""Threads that read files give way to the streams this often; Python's own 5 ms would be seen in their timing."""
_BACKLOG = 2048


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: a name or an address of this machine.
        port: 0 takes any that is free.

    Raises:
        OSError: the port is taken, or the host is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OSError(
            f"can't listen on {host}, port {port}: {error.strerror or error}; --port takes another, 0 any free one"
        ) from error


def run(app: ASGIApp, listening: socket.socket, stopping: asyncio.Event, *, is_proxy: bool = False) -> None:
    """Serve an application until Ctrl-C or SIGTERM.

    Args:
        app: what is served.
        listening: where.
        stopping: is set when the server is told to stop, so that open streams end.
        is_proxy: answers are another server's, with its headers, and break off where its answers do.
    """
    sys.setswitchinterval(SWITCH_S)
    server_of(app, stopping, is_proxy=is_proxy).run(sockets=[listening])


def server_of(app: ASGIApp, stopping: asyncio.Event, *, is_proxy: bool = False) -> uvicorn.Server:
    """Return a server that has not begun; takes what :func:`run` takes."""
    config = uvicorn.Config(
        app,
        log_level="critical" if is_proxy else "warning",
        access_log=False,
        ws="none",  # no route takes a web socket
        server_header=False,
        date_header=not is_proxy,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config, stopping)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open streams first: the server waits for them."""
        self._stopping.set()
        await super().shutdown(sockets)
