"""The running server: bound first, so that its link is known, and gone within two seconds when it is told to stop."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chatkit.server.arrival import CAME_MS
from chatkit.server.garbage import PUT_OFF, collect_if_due
from chatkit.server.pacing import now_ms
from chatkit.server.process import SWITCHING_OFTEN

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_GRACE_S = 1
"""What has not ended this long after the open streams were told to is cut."""
_PATIENCE_S = 0.75 * _GRACE_S
"""A client that takes nothing of what is written for it is cut off before that, so that its stream has no error."""
_BACKLOG = 2048
_LAST_PORT = 65535
_MANY_FILES = 4096


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: a name or an address of this machine.
        port: 0 takes any that is free.

    Raises:
        OSError: the port is taken, or there is none such, or the host is not this machine's.
    """
    try:
        if not 0 <= port <= _LAST_PORT:  # which getaddrinfo wraps
            raise OSError(f"a port is 0 to {_LAST_PORT}")
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = "this is no name of a host" if isinstance(error, UnicodeError) else error.strerror or error
        raise OSError(f"can't listen on {host}, port {port}: {reason}; --port takes another, 0 any free one") from error


def run(app: ASGIApp, listening: socket.socket, stopping: asyncio.Event, *, is_proxy: bool = False) -> None:
    """Serve an application until Ctrl-C or SIGTERM.

    Args:
        app: what is served.
        listening: where.
        stopping: is set when the server is told to stop, so that open streams end.
        is_proxy: answers are another server's, with its headers, and break off where its answers do.
    """
    with SWITCHING_OFTEN, PUT_OFF:
        server_of(app, stopping, is_proxy=is_proxy, is_alone=True).run(sockets=[listening])


def server_of(
    app: ASGIApp, stopping: asyncio.Event, *, is_proxy: bool = False, is_alone: bool = False
) -> uvicorn.Server:
    """Return a server that has not begun.

    Args:
        app: see :func:`run`, as for the next two.
        stopping: see there.
        is_proxy: see there.
        is_alone: whether the process is the server's own, and so its garbage and what is logged where.
    """
    _make_room_for_files()
    config = (uvicorn.Config if is_alone else _GuestConfig)(
        app,
        http=_Protocol,
        log_level="critical" if is_proxy else "warning",
        access_log=False,
        ws="none",  # no route takes a web socket
        proxy_headers=is_alone,  # it would stand around what a guest takes off
        server_header=False,
        date_header=not is_proxy,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config, stopping, is_alone=is_alone)


def _make_room_for_files() -> None:
    """Let the table of this process's open files grow now, and not while streams run.

    Linux doubles it at the 257th file, the 513th, …, and where a process has threads, all of it that opens a file
    waits for that (``expand_fdtable`` calls ``synchronize_rcu``): 8 to 20 ms on an idle machine, 75 on a busy one.
    """
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - Windows has none
        import resource  # noqa: PLC0415 - as above

        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        last = (_MANY_FILES if most == resource.RLIM_INFINITY else min(most, _MANY_FILES)) - 1
        with suppress(OSError), Path(os.devnull).open("rb") as file:
            os.close(fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, last))


class _GuestConfig(uvicorn.Config):
    """Of a server in somebody's process, whose logging it leaves alone."""

    def configure_logging(self) -> None:
        """Change nothing: warnings and errors go where the process has its own go, and see :data:`QUIET_GUESTS`."""

    def load(self) -> None:
        """Log no single event, though the process may log everything."""
        super().load()
        if isinstance(self.loaded_app, MessageLoggerMiddleware):
            self.loaded_app = self.loaded_app.app


class _Protocol(HttpToolsProtocol):
    """Notes when a request came; 0.1 ms later, when its turn in the loop has come, is late for a replay."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.access_log = False  # where the logging of the process is its own, the configuration does not see to it

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][CAME_MS] = now_ms()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, *, is_alone: bool) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._is_alone = is_alone

    async def on_tick(self, counter: int) -> bool:
        """Use a moment in which nobody is being answered; called ten times a second."""
        if self._is_alone and not self.server_state.tasks:
            collect_if_due()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open streams first: the server waits for them."""
        self._stopping.set()
        cutting = asyncio.get_running_loop().call_later(_PATIENCE_S, self._cut_off)
        await super().shutdown(sockets)
        cutting.cancel()

    def _cut_off(self) -> None:
        """Give up the clients that do not take what is written."""
        for connection in self.server_state.connections:
            if isinstance(connection, _Protocol) and connection.flow.write_paused:
                connection.transport.abort()
