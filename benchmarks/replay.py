"""How true a replay over HTTP is: error of arrival and drift at several speeds and loads, beside two peers.

    python benchmarks/replay.py

The client is a process of its own on the same machine. The error of an event is its arrival, counted from the moment
its request was written, less when it was due. Aims, on 2 cores: p50 0.5 ms and p99 3 ms at 1 to 100 streams without
drift, p99 50 ms with 500 streams at speed 1, and a million events a second at speed 0. Linux, with Node.js for the mock
server; takes less than five minutes.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import replay_peers as peers

import chatkit as ck

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Peers = dict[str, Callable[[Path, ck.Message, float], AbstractContextManager[peers.Peer]]]

CLIENT = Path(__file__).with_name("replay_client.py")
SAMPLE = Path(__file__).parents[1] / "data" / "store"
SPEEDS = (0.5, 1, 2, 8)
STREAMS = (1, 10, 100, 500)
SHORTEST_MS, LONGEST_MS = 2000, 3000
SPREAD_S = 1.0
"""Streams begin one after the other within this time, as users do."""
N_INSTANT = 20_000


class Row(NamedTuple):
    """What one run showed, in ms; drift is the length of the streams against what it should be, in percent."""

    p50_ms: float
    p99_ms: float
    worst_ms: float
    drift_percent: float


def main() -> None:
    found: Peers = {"chatkit": peers.chatkit, "sleeps in turn": peers.naive}
    if peers.is_aimock_here():
        found["aimock"] = peers.aimock
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "store"
        shutil.copytree(SAMPLE, store)
        message = typical(ck.Store(store))
        long = long_response(ck.Store(store))
        response = message.streaming_response
        print(
            f"Python {platform.python_version()}, {platform.machine()}; a response of {len(response.shown)} chunks in "
            f"{response.duration_ms / 1000:.1f} s; streams begin within {SPREAD_S:g} s\n"
        )
        print_errors(found, store, message)
        print_instant(found, store, long)
        print_memory(store, message)


def typical(store: ck.Store) -> ck.Message:
    """Return the response whose mean gap is the median of the store's, of those without a stall that are not long."""
    responses = [
        message
        for context in store.contexts()
        for message in context.messages()
        if (response := message.streaming_response) is not None
        and not len(response.stalls)
        and SHORTEST_MS < response.duration_ms < LONGEST_MS
    ]
    ordered = sorted(responses, key=lambda message: message.streaming_response.metadata.average_chunk_interval_ms)
    return ordered[len(ordered) // 2]


def long_response(store: ck.Store) -> ck.Message:
    """Store a response of many chunks, for what is sent all at once."""
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    begun_us = int(sent.timestamp()) * 1_000_000
    pieces = [ck.Piece(begun_us + number * 10_000, " word") for number in range(N_INSTANT)]
    response = ck.Response.from_pieces(pieces, started_at=sent, finish_reason="stop")
    return store.create_context(title="long").append_message(ck.Message.from_response(response))


def print_errors(found: Peers, store: Path, message: ck.Message) -> None:
    print("| streams | speed |" + "".join(f" {name}: p50 | p99 | max | drift |" for name in found))
    print("|---:|---:|" + "---:|" * 4 * len(found))
    for speed in SPEEDS:
        rows = {name: measured(start, name, store, message, speed) for name, start in found.items()}
        for place, n_streams in enumerate(STREAMS):
            cells = [
                f" {row.p50_ms:.2f} | {row.p99_ms:.2f} | {row.worst_ms:.1f} | {row.drift_percent:+.2f} % |"
                for row in (rows[name][place] for name in found)
            ]
            print(f"| {n_streams} | {speed:g} |" + "".join(cells), flush=True)


def measured(start: Any, name: str, store: Path, message: ck.Message, speed: float) -> list[Row]:
    due_ms = message.streaming_response.arrivals_ms / speed
    with start(store, message, speed) as peer:
        request = request_for(name, message, speed)
        client(peer, request_for(name, message, 1000), 1, 0)  # the first request loads and compiles
        return [errors(client(peer, request, n_streams, SPREAD_S), due_ms, peer) for n_streams in STREAMS]


def errors(heard: dict[str, Any], due_ms: Any, peer: peers.Peer) -> Row:
    first, last = peer.extra_events
    arrivals_ms = np.array([one[first : len(one) - last] for one in heard["arrivals_ms"]])
    if arrivals_ms.shape[1] != len(due_ms):
        raise SystemExit(f"{arrivals_ms.shape[1]} events came, not {len(due_ms)}")
    late_ms = arrivals_ms - due_ms
    drift = ((arrivals_ms[:, -1] - arrivals_ms[:, 0]) / (due_ms[-1] - due_ms[0]) - 1).mean() * 100
    return Row(float(np.median(late_ms)), float(np.percentile(late_ms, 99)), float(late_ms.max()), float(drift))


def request_for(name: str, message: ck.Message, speed: float) -> str:
    paths = {
        "chatkit": f"/api/messages/{message.message_id}/replay?speed={speed}",
        "sleeps in turn": f"/replay/{message.message_id}?speed={speed}",
    }
    if name in paths:
        return f"GET {paths[name]} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n"
    body = json.dumps({"model": peers.MODEL, "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\nAuthorization: Bearer x\r\n"
    )
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def client(
    peer: peers.Peer, request: str, streams: int, spread_s: float, *, only_counts: bool = False
) -> dict[str, Any]:
    job = {
        "port": peer.port,
        "request": request.replace("PORT", str(peer.port)),
        "streams": streams,
        "spread_s": spread_s,
        "only_counts": only_counts,
    }
    done = subprocess.run(
        [sys.executable, str(CLIENT)], input=json.dumps(job), capture_output=True, text=True, check=True
    )
    heard: dict[str, Any] = json.loads(done.stdout)
    return heard


def print_instant(found: Peers, store: Path, long: ck.Message) -> None:
    print(f"\n| speed 0, {N_INSTANT:,} events a stream | events a second, 1 stream | 8 streams |\n|---|---:|---:|")
    for name in ("chatkit", "sleeps in turn"):
        with found[name](store, long, 0) as peer:
            request = request_for(name, long, 0)
            client(peer, request, 1, 0, only_counts=True)
            rates = []
            for streams in (1, 8):
                heard = [client(peer, request, streams, 0, only_counts=True) for _ in range(3)]
                rates.append(max(sum(one["n_events"]) / one["took_s"] for one in heard))
        print(f"| {name} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")


def print_memory(store: Path, message: ck.Message) -> None:
    with peers.chatkit(store, message, 1) as peer:
        request = request_for("chatkit", message, 1)
        client(peer, request, 1, 0)
        before_mb = resident_mb(peer.pid)
        client(peer, request, 500, SPREAD_S)
        print(f"\nMemory of chatkit: {before_mb:.0f} MB idle, {peak_mb(peer.pid):.0f} MB at its peak with 500 streams")


def resident_mb(pid: int) -> float:
    return _status_mb(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, key: str) -> float:
    """Linux only; NaN elsewhere."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return float("nan")
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


if __name__ == "__main__":
    main()
