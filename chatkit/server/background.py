"""A server in a thread of this process: for tests, notebooks and demonstrations."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatkit.server.extra import server_extra
from chatkit.server.process import GUEST_THREAD, QUIET_GUESTS, SWITCHING_OFTEN
from chatkit.store import Store

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_HOST = "127.0.0.1"
_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Server:
    """A store that is being served to this machine.

    Attributes:
        url: its origin, such as ``http://127.0.0.1:8765``.
        token: what it asks for: ``Authorization: Bearer TOKEN``; a provider's own client sends it as its API key.
        link: what a person opens in a browser.
    """

    url: str
    token: str
    link: str


@contextmanager
def serve(store: Store | str | os.PathLike[str], *, port: int = 0) -> Iterator[Server]:
    """Serve a store in a ``with`` block: replays, live events and the providers' own APIs, as ``chatkit serve`` does.

    Only this machine, and who knows the token, may ask.

    Args:
        store: itself, or its path.
        port: 0 takes any that is free.

    Raises:
        MissingExtraError: ``pip install "chatkit-lab[server]"`` brings what is missing.
        FormatError: there is no store at the path.
        OSError: the port is taken.

    >>> with serve("data/store") as server:  # doctest: +SKIP
    ...     client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token)
    """
    with server_extra():
        from chatkit.server.access import Access, new_token  # noqa: PLC0415 - an extra
        from chatkit.server.app import create_app  # noqa: PLC0415
        from chatkit.server.running import bound, server_of  # noqa: PLC0415
    with bound(_HOST, port) as listening, SWITCHING_OFTEN, QUIET_GUESTS:
        access = Access(_HOST, listening.getsockname()[1], new_token())
        app = create_app(store if isinstance(store, Store) else Store(store), access=access)
        server = server_of(app, app.state.service.stopping)
        thread = threading.Thread(target=server.run, args=([listening],), name=GUEST_THREAD, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(_POLL_S)
            yield Server(access.origin, access.token or "", access.link)
        finally:
            server.should_exit = True
            thread.join()
