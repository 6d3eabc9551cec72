"""The servers that replay.py measures, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import chatkit as ck

AIMOCK = "@copilotkit/aimock@1.43.0"
MODEL = "recorded"
NAIVE = Path(__file__).with_name("replay_naive.py")


class Peer(NamedTuple):
    """A running server.

    Attributes:
        pid: its process.
        port: where it listens.
        extra_events: events before the first chunk, and after the last.
    """

    pid: int
    port: int
    extra_events: tuple[int, int]


@contextmanager
def chatkit(store: Path, _: ck.Message, speed: float) -> Iterator[Peer]:
    """``chatkit serve``, as it is installed."""
    del speed
    with _started(
        lambda port: [sys.executable, "-m", "chatkit", "serve", str(store), "--port", str(port), "--no-token"]
    ) as (pid, port):
        yield Peer(pid, port, (0, 1))


@contextmanager
def naive(store: Path, message: ck.Message, speed: float) -> Iterator[Peer]:
    """A handler that sleeps each interval in turn."""
    del message, speed
    with _started(lambda port: [sys.executable, str(NAIVE), str(store), str(port)]) as (pid, port):
        yield Peer(pid, port, (0, 1))


@contextmanager
def aimock(_: Path, message: ck.Message, speed: float) -> Iterator[Peer]:
    """The record-and-replay mock server from npm.

    It cuts texts anew, into pieces of equal length: with a text of one character per recorded chunk, its pieces and
    its recorded delays are as many as ours.
    """
    response = message.streaming_response
    arrivals_ms = response.arrivals_ms.tolist()
    timings = {
        "ttftMs": arrivals_ms[0],
        "interChunkDelaysMs": [0, *(after - before for before, after in pairwise(arrivals_ms))],
        "totalDurationMs": response.duration_ms,
    }
    text = "x" * len(arrivals_ms)
    fixture = {
        "match": {"userMessage": "hi"},
        "response": {"content": text},
        "chunkSize": 1,
        "recordedTimings": timings,
        "replaySpeed": speed,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fixture.json").write_text(json.dumps({"fixtures": [fixture]}), encoding="utf-8")
        program = _aimock_program()
        with _started(
            lambda port: ["node", str(program), "--port", str(port), "-f", str(folder), "--log-level", "silent"]
        ) as (pid, port):
            yield Peer(pid, port, (1, 2))


def is_aimock_here() -> bool:
    """Whether Node.js and npm are installed."""
    return shutil.which("node") is not None and shutil.which("npm") is not None


def _aimock_program() -> Path:
    folder = Path(tempfile.gettempdir()) / "chatkit-benchmark-aimock"
    program = folder / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    if not program.exists():
        folder.mkdir(exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", str(folder), AIMOCK], check=True, capture_output=True)
    return program


@contextmanager
def _started(command: Callable[[int], list[str]]) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(command(port), stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(400):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")
