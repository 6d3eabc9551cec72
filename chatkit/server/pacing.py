"""When to write what: the one clockwork behind every replay over HTTP.

Deadlines are absolute: a chunk is due at the replay's beginning plus its offset, so that no error adds up. (Sleeping
for each gap in turn ran 6.9 % long at speed 1 and 48 % at speed 8.)
"""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from chatkit.server.alarm import Alarm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.typing import ArrayLike

_NS_PER_MS = 1_000_000
_LEAD_MS, _FEW = 0.25, 16
"""An idle machine takes so long to wake a task. With fewer tasks than so many that are woken early, and look at the
clock until their moment, the processor has little to do for it; with more it is awake anyway."""
MOST_AT_ONCE = 64
"""So many chunks that are due together are written at once, and then others have their turn: a write each was 9 times
slower, and starved other streams."""


class Clock(Protocol):
    """Tells the time in ms, from any origin, and waits."""

    def now_ms(self) -> float:
        """Return the time; it never goes back."""

    async def sleep_ms(self, ms: float) -> None:
        """Wait about so long, perhaps a little less; 0 lets others have their turn."""


def now_ms() -> float:
    """Return the time of this machine's monotonic clock."""
    return time.monotonic_ns() / _NS_PER_MS


class LoopClock:
    """The clock of the running event loop."""

    def __init__(self) -> None:
        self._alarm: Alarm | None = None

    def now_ms(self) -> float:
        """Return the time; it never goes back."""
        return now_ms()

    async def sleep_ms(self, ms: float) -> None:
        """Wait so long; a little less where few wait, who then come back, turn after turn, until their moment."""
        alarm = self._alarm_here()
        lead_ms = _LEAD_MS if alarm.n_waiting < _FEW else 0.0
        if ms <= lead_ms:
            await asyncio.sleep(0)
        else:
            await alarm.wait_until(time.monotonic_ns() + math.ceil((ms - lead_ms) * _NS_PER_MS))

    def _alarm_here(self) -> Alarm:
        loop = asyncio.get_running_loop()
        if self._alarm is None or self._alarm.loop is not loop:
            self._alarm = Alarm(loop)
        return self._alarm


class Due(NamedTuple):
    """The chunks ``first`` to ``past - 1``, counted from 0, are due now."""

    first: int
    past: int


async def paced(due_ms: ArrayLike, clock: Clock, began_ms: float, *, first: int = 0) -> AsyncIterator[Due]:
    """Yield which chunks are due, as soon as they are and never before.

    Args:
        due_ms: when each chunk is due, ascending, in ms since the replay began (``Schedule.due_ms``).
        clock: whose time it is.
        began_ms: when the replay began on that clock.
        first: the chunk to begin with; of those before it nothing is said.
    """
    due: list[float] = np.asarray(due_ms, dtype=np.float64).tolist()
    has_had_turn = False
    while first < len(due):
        elapsed_ms = clock.now_ms() - began_ms
        if due[first] > elapsed_ms or has_had_turn:
            has_had_turn = False
            await clock.sleep_ms(max(due[first] - elapsed_ms, 0.0))
        else:
            has_had_turn = True
            past = bisect_right(due, elapsed_ms, first, min(first + MOST_AT_ONCE, len(due)))
            yield Due(first, past)
            first = past


async def wait_until(due_ms: float, clock: Clock, began_ms: float) -> None:
    """Return once ``due_ms`` have passed since the replay began, and never before."""
    while (left_ms := due_ms - (clock.now_ms() - began_ms)) > 0:
        await clock.sleep_ms(left_ms)
