"""Waking many tasks, each at its moment, by one timer: a task that slept by itself would wake early, and spin."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from chatkit.server.timer import timer_of

if TYPE_CHECKING:
    import asyncio

_LEAST_PAUSE_NS = 200_000
"""Moments closer together than this are served at once, a little late: with hundreds of streams, each ring counts."""


class Alarm:
    """Wakes the tasks of one event loop.

    Args:
        loop: runs them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer = timer_of(loop, self._ring)

    @property
    def n_waiting(self) -> int:
        """How many tasks wait."""
        return len(self._waiting)

    async def wait_until(self, at_ns: int) -> None:
        """Return at this moment of ``time.monotonic_ns`` or shortly after, and never before."""
        woken = self.loop.create_future()
        heappush(self._waiting, (at_ns, next(self._numbers), woken))
        if self._waiting[0][2] is woken:
            self._timer.set(at_ns)
        await woken

    def _ring(self) -> None:
        """Wake whose moment has come, and set the timer for the next."""
        waiting, now_ns = self._waiting, time.monotonic_ns()
        while waiting and (waiting[0][0] <= now_ns or waiting[0][2].done()):
            woken = heappop(waiting)[2]
            if not woken.done():  # its task may have gone
                woken.set_result(None)
        if waiting:
            self._timer.set(max(waiting[0][0], now_ns + _LEAST_PAUSE_NS))
