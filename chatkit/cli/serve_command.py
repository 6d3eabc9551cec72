"""``chatkit serve``: a store over HTTP."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from chatkit.cli.places import place
from chatkit.server.extra import server_extra
from chatkit.store import Store

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_PORT = 8765
_KEY_VARIABLE = "CHATKIT_UPSTREAM_KEY"


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "serve",
        help="serve a store over HTTP: a page to look at it, replays, live events",
        description="Serve a store to this machine: a page to look at it, its contexts and messages, live events, "
        "and replays with the recorded timing, also as the providers' own APIs. Ctrl-C ends it.",
    )
    parser.add_argument("store", type=place, help="a store, in the new or an old format")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen; by default for this machine only")
    parser.add_argument("--port", type=int, default=_PORT, help=f"{_PORT} by default; 0 takes any that is free")
    parser.add_argument("--no-token", action="store_true", help="ask for no token; for this machine only")
    parser.add_argument(
        "--upstream",
        metavar="URL",
        help="a server with OpenAI's chat API (such as http://127.0.0.1:8080/v1), which answers what users post; "
        f"its key is taken from the environment variable {_KEY_VARIABLE}",
    )
    parser.add_argument("--model", help="the model to ask the upstream for; by default the one that a context names")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    with server_extra():
        from chatkit.server.access import Access, new_token  # noqa: PLC0415 - an extra
        from chatkit.server.app import create_app  # noqa: PLC0415
        from chatkit.server.running import bound, run  # noqa: PLC0415
        from chatkit.server.upstream import Upstream  # noqa: PLC0415
    store = Store(arguments.store)
    with bound(arguments.host, arguments.port) as listening:
        port = listening.getsockname()[1]
        try:
            access = Access(arguments.host, port, None if arguments.no_token else new_token())
        except ValueError as error:
            print(f"chatkit: {error}", file=sys.stderr)
            return 2
        key = os.environ.get(_KEY_VARIABLE)
        upstream = Upstream(arguments.upstream, model=arguments.model, key=key) if arguments.upstream else None
        app = create_app(store, access=access, upstream=upstream)
        _say(arguments.store, access)
        run(app, listening, app.state.service.stopping)
    return 0


def _say(store: Path | str, access: Any) -> None:
    print(f"{store} is served at {access.link}", flush=True)
    if access.token is not None:
        print("Open that link in a browser; programs send 'Authorization: Bearer TOKEN'. Ctrl-C ends it.", flush=True)
