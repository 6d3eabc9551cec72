"""The alarm that wakes every replay: at its moment or shortly after, never before, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from chatkit.server.alarm import Alarm
from chatkit.server.timer import KernelTimer, LoopTimer

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_MS = 1_000_000
TIMERS = [LoopTimer, pytest.param(KernelTimer, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only"))]


@pytest.fixture(params=TIMERS)
def alarm_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Alarm]:
    """Make an alarm for the running loop, by each kind of timer."""
    monkeypatch.setattr("chatkit.server.alarm.timer_of", request.param)
    return lambda: Alarm(asyncio.get_running_loop())


def test_tasks_are_woken_in_the_order_of_their_moments_and_none_too_early(alarm_of: Callable[[], Alarm]) -> None:
    woken: list[tuple[float, bool]] = []

    async def wait(alarm: Alarm, begun_ns: int, ms: float) -> None:
        due_ns = begun_ns + int(ms * NS_PER_MS)
        await alarm.wait_until(due_ns)
        woken.append((ms, time.monotonic_ns() >= due_ns))

    async def main() -> None:
        alarm, begun_ns = alarm_of(), time.monotonic_ns()
        await asyncio.gather(*(wait(alarm, begun_ns, ms) for ms in (9.0, 3.3, 0.2, 6.7, 3.3, 30.0)))

    asyncio.run(main())
    assert woken == [(ms, True) for ms in (0.2, 3.3, 3.3, 6.7, 9.0, 30.0)]


def test_a_moment_that_has_passed_is_served_at_once(alarm_of: Callable[[], Alarm]) -> None:
    async def main() -> None:
        await asyncio.wait_for(alarm_of().wait_until(0), timeout=10)

    asyncio.run(main())


def test_a_task_that_has_gone_is_not_woken_and_holds_up_nobody(alarm_of: Callable[[], Alarm]) -> None:
    async def main() -> None:
        alarm, now_ns = alarm_of(), time.monotonic_ns()
        gone = asyncio.ensure_future(alarm.wait_until(now_ns + 5 * NS_PER_MS))
        stays = asyncio.ensure_future(alarm.wait_until(now_ns + 10 * NS_PER_MS))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(stays, timeout=10)

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files by /proc")
def test_a_loop_that_is_closed_leaves_no_file_open() -> None:
    async def main() -> None:
        await Alarm(asyncio.get_running_loop()).wait_until(time.monotonic_ns() + NS_PER_MS)

    asyncio.run(main())
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number counts
    for _ in range(5):
        asyncio.run(main())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
