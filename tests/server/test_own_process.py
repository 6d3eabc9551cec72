"""What a server does with a process of its own, so that nothing in it stops all streams for a moment."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from chatkit.server import garbage
from chatkit.server.running import run, server_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.models import Message
    from chatkit.store import Store

Conversation = tuple["Store", "Message", "Message"]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often all objects were looked through; a full round is always due."""
    times: list[int] = []
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, 10))
    monkeypatch.setattr(gc, "collect", lambda: times.append(1))
    return times


def tick(*, is_alone: bool, is_answering: bool) -> None:
    async def once() -> None:
        server = server_of(lambda *_: asyncio.sleep(0), asyncio.Event(), is_alone=is_alone)
        if is_answering:
            server.server_state.tasks.add(asyncio.ensure_future(asyncio.sleep(0)))
        assert not await server.on_tick(1)

    asyncio.run(once())


@pytest.mark.parametrize(
    ("is_alone", "is_answering", "n_times"), [(True, False, 1), (True, True, 0), (False, False, 0)]
)
def test_all_garbage_is_looked_for_when_nobody_is_being_answered(
    collected: list[int], *, is_alone: bool, is_answering: bool, n_times: int
) -> None:
    """And never in the process of somebody's notebook."""
    tick(is_alone=is_alone, is_answering=is_answering)
    assert len(collected) == n_times


def test_it_is_not_looked_for_while_little_is_new(collected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: (699, 9, 9))
    tick(is_alone=True, is_answering=False)
    assert collected == []


@pytest.fixture
def _usual_thresholds() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)


@pytest.mark.usefixtures("_usual_thresholds")
def test_only_full_rounds_are_put_off() -> None:
    gc.set_threshold(700, 10, 10)
    with garbage.PUT_OFF:
        assert gc.get_threshold() == (700, 10, 100) or sys.version_info >= (3, 14)


@pytest.mark.usefixtures("_usual_thresholds")
def test_a_process_that_goes_on_after_its_server_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.set_threshold(700, 10, 10)
    switch_s = sys.getswitchinterval()
    while_it_runs: list[object] = []
    monkeypatch.setattr(
        uvicorn.Server, "run", lambda *_, **__: while_it_runs.extend([gc.get_threshold(), sys.getswitchinterval()])
    )
    with socket.socket() as listening:
        run(lambda *_: asyncio.sleep(0), listening, asyncio.Event())
    many = 10 if sys.version_info >= (3, 14) else 100
    assert while_it_runs == [(700, 10, many), pytest.approx(0.0005)]
    assert gc.get_threshold() == (700, 10, 10)
    assert sys.getswitchinterval() == pytest.approx(switch_s)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux makes a process wait while its table of files grows")
def test_its_table_of_open_files_need_not_grow_while_streams_run(conversation: Conversation) -> None:
    command = [sys.executable, "-m", "chatkit", "serve", str(conversation[0].path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout
            assert "is served at" in serving.stdout.readline()
            import resource  # noqa: PLC0415 - Windows has none

            assert slots(serving.pid) >= min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096)
        finally:
            serving.terminate()


def slots(pid: int) -> int:
    """For how many open files a process has room, waited for: it says that it serves just before it does."""
    for _ in range(100):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        found = int(next(line.split()[1] for line in lines if line.startswith("FDSize")))
        if found > 256:
            break
        time.sleep(0.05)
    return found
