"""The client of replay.py, in a process of its own: opens streams, and notes when each event arrives.

Reads one job as JSON from stdin, writes the arrivals as one JSON line. It speaks bare HTTP over sockets: what a client
library does with an event is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop


class Stream(asyncio.Protocol):
    """One request and its arrivals.

    Attributes:
        sent_s: the request was written.
        arrived_s: for each event, when the bytes that end it came.
    """

    def __init__(self, request: bytes, ended: asyncio.Future[None], *, only_counts: bool) -> None:
        self.request = request
        self.ended = ended
        self.only_counts = only_counts
        self.sent_s = 0.0
        self.arrived_s: list[float] = []
        self.n_events = 0
        self.head = b""
        self.last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 - asyncio's
        self.transport = transport
        self.sent_s = time.perf_counter()
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio's
        now_s = time.perf_counter()
        if self.head is not None:
            data = self._body(data)
        n_events = (self.last[-1:] + data).count(b"\n\n")  # no event of these servers has a line end of its own
        self.last = data or self.last
        self.n_events += n_events
        if not self.only_counts:
            self.arrived_s.extend([now_s] * n_events)

    def _body(self, data: bytes) -> bytes:
        self.head += data
        head, found, body = self.head.partition(b"\r\n\r\n")
        if not found:
            return b""
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise SystemExit(f"refused: {self.head!r}")
        self.head = None  # type: ignore[assignment]
        return body

    def connection_lost(self, _: Exception | None) -> None:  # noqa: D102 - asyncio's
        if not self.ended.done():
            self.ended.set_result(None)


async def open_streams(job: dict[str, Any]) -> list[Stream]:
    """Open the streams, one after the other within the time that is given, and read them to their ends."""
    loop = asyncio.get_running_loop()
    request = job["request"].encode()
    begun_s = time.perf_counter()
    streams, ends = [], []
    for number in range(job["streams"]):
        wait_s = begun_s + number * job["spread_s"] / job["streams"] - time.perf_counter()
        await asyncio.sleep(max(wait_s, 0))
        ended: asyncio.Future[None] = loop.create_future()
        stream = Stream(request, ended, only_counts=job["only_counts"])
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", job["port"])
        streams.append(stream)
        ends.append(ended)
    await asyncio.gather(*ends)
    return streams


def main() -> None:
    job = json.load(sys.stdin)
    begun_s = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        streams = runner.run(open_streams(job))
    took_s = time.perf_counter() - begun_s
    arrivals = [[round((at_s - one.sent_s) * 1000, 3) for at_s in one.arrived_s] for one in streams]
    json.dump({"took_s": took_s, "arrivals_ms": arrivals, "n_events": [one.n_events for one in streams]}, sys.stdout)


if __name__ == "__main__":
    main()
