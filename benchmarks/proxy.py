"""What the recording proxy adds to each chunk's way, beside the same stream without it; and its memory.

    python benchmarks/proxy.py [ROUNDS]

An upstream in a process of its own writes the moment of sending into each chunk; the client, in this process, compares
it with the moment of arrival. Both clocks are the machine's monotonic one. The rounds, five by default, go both ways in
turn, so that what else the machine does hits both alike. Aims: 0.5 ms p50 and 3 ms p99 added at 10 streams. Linux;
takes about two minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np

import chatkit as ck
from chatkit.server.running import bound, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from numpy.typing import NDArray
    from starlette.types import Receive, Scope, Send

N_ROUNDS, N_CHUNKS, GAP_S = 5, 200, 0.012
STREAMS = (1, 10, 50)
HUGE_MB, HUGE_BLOCK = 100, 10_000
CHAT = "/v1/chat/completions"


async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream as the request says: chunks that carry their moment, or so many bytes at once."""
    if scope["type"] != "http":
        return
    body = json.loads((await receive())["body"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", body["kind"].encode())]})
    if body.get("bytes"):
        block = said("x" * HUGE_BLOCK)
        for _ in range(body["bytes"] // HUGE_BLOCK):
            await send({"type": "http.response.body", "body": block, "more_body": True})
    began = time.monotonic()
    for number in range(body.get("chunks", 0)):
        await asyncio.sleep(max(0.0, began + number * GAP_S - time.monotonic()))
        await send({"type": "http.response.body", "body": said(f"{time.monotonic_ns()} "), "more_body": True})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def said(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n".encode()


def serve_upstream() -> None:
    with bound("127.0.0.1", 0) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        run(upstream, listening, asyncio.Event(), is_proxy=True)


@contextmanager
def process(*arguments: str) -> Iterator[tuple[str, int]]:
    """Run a server, and give its address, which is the first word that it prints, and its process id."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield (running.stdout.readline().split()[0] if running.stdout else ""), running.pid
        finally:
            running.terminate()


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


def print_latency(direct: str, through: str, n_rounds: int) -> None:
    """Print the table; what is added is the difference of the two ways' percentiles."""
    print("| streams | direct: p50 | p99 | max | proxy: p50 | p99 | max | added: p50 | p99 |")
    print("|---:|" + "---:|" * 8)
    ways = (direct, through)
    for n_streams in STREAMS:
        taken: dict[str, list[float]] = {url: [] for url in ways}
        for url in ways:
            asyncio.run(lateness_ms(url, 1))
        for _ in range(n_rounds):
            for url in ways:
                taken[url] += asyncio.run(lateness_ms(url, n_streams))
        one, other = (np.percentile(taken[url], [50, 99, 100]) for url in ways)
        print(f"| {n_streams} |" + cells(one) + cells(other) + cells((other - one)[:2]), flush=True)


def cells(figures: NDArray[np.float64]) -> str:
    return "".join(f" {ms:.2f} |" for ms in figures)


def print_memory(url: str, pid: int, store: Path) -> None:
    """Print how much more memory the proxy takes at most for a huge answer that its client does not read for 2 s."""
    print(f"\n| {HUGE_MB} MB, not read for 2 s | more memory of the proxy at most, MB |\n|---|---:|")
    for name, kind in (("not recorded", "application/octet-stream"), ("recorded", "text/event-stream")):
        body = {"kind": kind, "stream": True, "bytes": HUGE_MB * 1_000_000, "messages": [_user("Go.")]}
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the most is counted from now on
        before_mb = rss_mb(pid)
        with httpx.stream("POST", url + CHAT, json=body, timeout=120) as response:
            time.sleep(2)
            n_bytes = sum(map(len, response.iter_raw()))
        if n_bytes < HUGE_MB * 1_000_000:
            raise SystemExit(f"{n_bytes} bytes came")
        while any(store.rglob("*.journal.jsonl")):
            time.sleep(0.1)
        print(f"| {name} | {rss_mb(pid, 'VmHWM') - before_mb:.0f} |", flush=True)


def main(n_rounds: int) -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, load", end=" ")
    print(f"{os.getloadavg()[0]:.1f}; {N_CHUNKS} chunks a stream, one every {GAP_S * 1000:.0f} ms; {n_rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder, process(__file__, "upstream") as (direct, _):
        store = Path(folder) / "store"
        proxy = ("-m", "chatkit", "proxy", "--upstream", direct, "--store", str(store), "--port", "0")
        with process(*proxy) as (through, pid):
            print_latency(direct, through, n_rounds)
            print_memory(through, pid, store)
        n_sent = len(STREAMS) + n_rounds * sum(STREAMS)
        n_whole = int((ck.responses_df(store)["n_chunks"] == N_CHUNKS).sum())
        print(f"\n{n_whole} of {n_sent} streams were recorded whole; load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        serve_upstream()
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else N_ROUNDS)
