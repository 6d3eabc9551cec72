"""When to write what: the one clockwork behind every replay over HTTP.

Deadlines are absolute: a chunk is due at the replay's beginning plus its offset, so that no error adds up. (Sleeping
for each gap in turn ran 6.9 % long at speed 1 and 48 % at speed 8.)
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.typing import ArrayLike

MOST_AT_ONCE = 64
"""So many chunks that are due together are written at once, and then others have their turn: a write each was 9 times
slower, and starved other streams."""


class Clock(Protocol):
    """Tells the time in ms, from any origin, and waits."""

    def now_ms(self) -> float:
        """Return the time; it never goes back."""

    async def sleep_ms(self, ms: float) -> None:
        """Wait about so long, perhaps a little less; 0 lets others have their turn."""


class LoopClock:
    """The clock of the running event loop."""

    def now_ms(self) -> float:
        """Return the time; it never goes back."""
        return time.monotonic_ns() / 1_000_000

    async def sleep_ms(self, ms: float) -> None:
        """Wait about so long: uvloop's timers fire up to 1.4 ms early."""
        await asyncio.sleep(ms / 1000)


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
    due = np.asarray(due_ms, dtype=np.float64)
    while first < len(due):
        elapsed_ms = clock.now_ms() - began_ms
        is_due = due[first] <= elapsed_ms
        await clock.sleep_ms(0.0 if is_due else float(due[first]) - elapsed_ms)
        if is_due:
            past = min(int(np.searchsorted(due, elapsed_ms, side="right")), first + MOST_AT_ONCE)
            yield Due(first, past)
            first = past


async def wait_until(due_ms: float, clock: Clock, began_ms: float) -> None:
    """Return once ``due_ms`` have passed since the replay began, and never before."""
    while (left_ms := due_ms - (clock.now_ms() - began_ms)) > 0:
        await clock.sleep_ms(left_ms)
