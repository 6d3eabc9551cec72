"""The clock of a recording: wall time once, and from there on the monotonic clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NS_PER_US = 1_000
NS_PER_MS = 1_000_000


class Clock:
    """Tells ns since the epoch, and never goes back, whatever is done to the machine's clock meanwhile.

    Args:
        wall_ns: the wall clock, read once.
        monotonic_ns: read each time; by default the finest the system has.

    >>> ticks = iter([7_000, 9_999])
    >>> Clock(lambda: 1_000_000, lambda: next(ticks)).now_ns()
    1002999
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._epoch_ns = wall_ns() - monotonic_ns()

    def now_ns(self) -> int:
        """Return ns since the epoch."""
        return self._epoch_ns + self._monotonic_ns()
