"""What the recording proxy adds to each chunk's way, beside the same stream without it; and its memory.

    python benchmarks/proxy.py

An upstream in a process of its own writes the moment of sending into each chunk; the client, in this process, compares
it with the moment of arrival. Both clocks are the machine's monotonic one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np

from chatkit.server.proxy import Proxy, upstream_url
from chatkit.server.running import bound, run
from chatkit.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Receive, Scope, Send

N_CHUNKS, GAP_S = 200, 0.012
STREAMS = (1, 10, 50)
HUGE_MB = 100
CHAT = "/v1/chat/completions"


async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream as the request says: chunks that carry their moment, or so many bytes at once."""
    if scope["type"] != "http":
        return
    body = json.loads((await receive())["body"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", body["kind"].encode())]})
    if body.get("bytes"):
        for _ in range(body["bytes"] // 100_000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    began = time.monotonic()
    for number in range(body.get("chunks", 0)):
        await asyncio.sleep(max(0.0, began + number * GAP_S - time.monotonic()))
        said = {"choices": [{"index": 0, "delta": {"content": f"{time.monotonic_ns()} "}}]}
        await send({"type": "http.response.body", "body": f"data: {json.dumps(said)}\n\n".encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def process(*arguments: str) -> Iterator[tuple[str, int]]:
    """Run a part of this script as a process, and give its address and its id."""
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield (running.stdout.readline().strip() if running.stdout else ""), running.pid
        finally:
            running.terminate()


def serve(kind: str, *arguments: str) -> None:
    """Be the upstream, or the proxy before it."""
    app = upstream if kind == "upstream" else Proxy(upstream_url(arguments[0]), Store.create(arguments[1]))
    with bound("127.0.0.1", 0) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        run(app, listening, asyncio.Event(), is_proxy=True)


async def lateness_ms(url: str, n_streams: int) -> list[float]:
    """Return, for every chunk of some streams at once, how long it took from there to here."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        found = await asyncio.gather(*(one(client, url, number) for number in range(n_streams)))
    return [ms for stream in found for ms in stream]


async def one(client: httpx.AsyncClient, url: str, number: int) -> list[float]:
    body = {"kind": "text/event-stream", "stream": True, "chunks": N_CHUNKS, "messages": [_user(f"Number {number}.")]}
    await asyncio.sleep(number * GAP_S / 7)
    async with client.stream("POST", url + CHAT, json=body) as response:
        return [(time.monotonic_ns() - moment_ns) / 1e6 async for moment_ns in moments(response)]


async def moments(response: httpx.Response) -> AsyncIterator[int]:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            yield int(json.loads(line[6:])["choices"][0]["delta"]["content"])


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def rss_mb(pid: int, what: str = "VmRSS") -> float:
    """Return the memory that a process holds, or held at most (``VmHWM``); Linux alone tells."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


def slow_reader_mb(url: str, pid: int, kind: str) -> float:
    """Return by how much the proxy's memory grows while a client does not read a huge answer."""
    body = {"kind": kind, "stream": True, "bytes": HUGE_MB * 1_000_000, "messages": [_user("Go.")]}
    before = rss_mb(pid)
    with httpx.stream("POST", url + CHAT, json=body, timeout=120) as response:
        time.sleep(2)
        n_bytes = sum(map(len, response.iter_raw()))
    if n_bytes != HUGE_MB * 1_000_000:
        raise RuntimeError(f"{n_bytes} bytes came")
    return rss_mb(pid, "VmHWM") - before


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, process("upstream") as (direct, _):
        with process("proxy", direct, f"{folder}/store") as (through, pid):
            print("| streams at once | way | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|")
            for n_streams in STREAMS:
                taken = {}
                for way, url in (("direct", direct), ("through the proxy", through)):
                    asyncio.run(lateness_ms(url, 1))
                    taken[way] = np.percentile(asyncio.run(lateness_ms(url, n_streams)), [50, 99, 100])
                    print(f"| {n_streams} | {way} | " + " | ".join(f"{ms:.2f}" for ms in taken[way]) + " |")
                added = taken["through the proxy"] - taken["direct"]
                print(f"| {n_streams} | **added** | " + " | ".join(f"{ms:.2f}" for ms in added) + " |")
            grown = slow_reader_mb(through, pid, "application/octet-stream")
            print(
                f"\nA {HUGE_MB} MB answer to a client that does not read for 2 s: {grown:.0f} MB more memory at most."
            )
        stored = sum(1 for _ in Path(folder).rglob("*.events.jsonl"))
        print(f"{stored} streams were recorded; {os.cpu_count()} cores.")


if __name__ == "__main__":
    serve(*sys.argv[1:]) if len(sys.argv) > 1 else main()
