"""``chatkit proxy``: a proxy that records what passes."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from chatkit.capture.asking import store_at
from chatkit.cli.places import folder
from chatkit.server.extra import server_extra

_HOST, _PORT = "127.0.0.1", 8766


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "proxy",
        help="record what passes between an application and its provider",
        description="Stand between an application and its provider: it sets its base URL to this proxy and changes "
        "nothing else. All bytes pass unchanged; streamed answers of OpenAI, Anthropic and Gemini are recorded, a "
        "context per conversation. Keys and cookies are not kept. For this machine only. Ctrl-C ends it.",
    )
    parser.add_argument("--upstream", required=True, metavar="URL", help="the base URL that the proxy stands for")
    parser.add_argument("--store", required=True, type=folder, help="where to; a new store is made where there is none")
    parser.add_argument("--port", type=int, default=_PORT, help=f"{_PORT} by default; 0 takes any that is free")
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="KEY=VALUE",
        help="goes into each response's metadata, where tables find it (labels=); may be given several times",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Pass and record until Ctrl-C."""
    with server_extra():
        from chatkit.server.access import Access, Guard  # noqa: PLC0415 - an extra
        from chatkit.server.proxy import Proxy, refuse, upstream_url  # noqa: PLC0415
        from chatkit.server.running import bound, run  # noqa: PLC0415
    with bound(_HOST, arguments.port) as listening:
        access = Access(_HOST, listening.getsockname()[1], token=None, most_body_bytes=sys.maxsize)
        try:
            upstream = upstream_url(arguments.upstream)  # before a store is made
        except ValueError as error:
            print(f"chatkit: --upstream {error}", file=sys.stderr)
            return 2
        proxy = Proxy(upstream, store_at(arguments.store), labels=dict(arguments.label))
        print(
            f"{access.origin} stands for {arguments.upstream.rstrip('/')}: make it your client's base URL.", flush=True
        )
        print(f"Streamed answers are recorded into {arguments.store}. Ctrl-C ends it.", flush=True)
        run(Guard(proxy, access, refuse), listening, asyncio.Event(), is_proxy=True)
    return 0


def _label(text: str) -> tuple[str, Any]:
    """Read ``key=value``; a value that is JSON (a number, true) is taken as such."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    try:
        return key, json.loads(value, parse_constant=str)
    except ValueError:
        return key, value
