"""When each chunk of a replay is due, and where a replay stands at a moment.

The player's clock in the browser computes the same (``web/core.js``); both are held by the vectors in
``tests/schedule_vectors.json``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from chatkit.timing.ragged import Floats


def in_order(arrivals_ms: ArrayLike) -> Floats:
    """Return arrivals that never go back: a chunk stamped before its predecessor is due together with it.

    >>> in_order([-1.0, 5.0, 3.0, 8.0])
    array([0., 5., 5., 8.])
    """
    return np.maximum.accumulate(np.maximum(np.asarray(arrivals_ms, dtype=np.float64), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """A replay of one response, in ms since the replay began.

    The clock is anchored, never summed, so nothing drifts: after ``elapsed_ms`` the replay stands at
    ``from + elapsed_ms * speed``. An idle limit is a map of recorded time to a shorter one, settled before: each
    wait (before the first chunk, between chunks, after the last) is shortened to it, at speed 1.

    Attributes:
        due_ms: when each chunk is due; 0 for those that came before the replay's beginning.
        end_ms: when the replay ends.
        speed: 1 is as recorded; 0 is instant.
    """

    due_ms: Floats
    end_ms: float
    speed: float
    _recorded: Floats
    _playback: Floats
    _from: float

    @classmethod
    def of(
        cls,
        arrivals_ms: ArrayLike,
        end_ms: float | None = None,
        *,
        speed: float = 1.0,
        idle_limit_ms: float | None = None,
        from_ms: float = 0.0,
    ) -> Schedule:
        """Plan a replay.

        Args:
            arrivals_ms: when each chunk came, counted from the request (see :func:`in_order`).
            end_ms: when the stream ended; with its last chunk by default.
            speed: 2 is twice as fast, 0 instant.
            idle_limit_ms: to what every longer wait is shortened; None keeps them.
            from_ms: the recorded moment at which the replay begins: 0 at the request, the first arrival at the
                first chunk.

        Raises:
            ValueError: a number makes no sense.

        >>> plan = Schedule.of([100, 110, 1300], 1400, speed=2, idle_limit_ms=200)
        >>> plan.due_ms, plan.end_ms
        (array([ 50.,  55., 155.]), 205.0)
        >>> plan.count_at(60), plan.position_ms(105)
        (2, 705.0)
        """
        check_speed(speed)
        check_idle_limit(idle_limit_ms)
        if math.isnan(from_ms):
            raise ValueError("from_ms is NaN: give the time since the request in ms")
        arrivals = in_order(arrivals_ms)
        last = float(arrivals.max(initial=0.0))
        recorded = np.unique(np.concatenate(([0.0], arrivals, [max(last, last if end_ms is None else end_ms)])))
        playback = _shortened(recorded, math.inf if idle_limit_ms is None else idle_limit_ms)
        begins = float(np.interp(from_ms, recorded, playback))
        due = np.maximum(np.interp(arrivals, recorded, playback) - begins, 0.0)
        ends = float(playback[-1]) - begins
        return cls(
            due_ms=due / speed if speed else np.zeros_like(due),
            end_ms=ends / speed if speed else 0.0,
            speed=speed,
            _recorded=recorded,
            _playback=playback,
            _from=begins,
        )

    def count_at(self, elapsed_ms: float) -> int:
        """Return how many chunks are due by then."""
        return int(np.searchsorted(self.due_ms, elapsed_ms, side="right"))

    def position_ms(self, elapsed_ms: float) -> float:
        """Return the recorded moment that is played then, in ms since the request."""
        if not self.speed:
            return float(self._recorded[-1])
        return float(np.interp(self._from + elapsed_ms * self.speed, self._playback, self._recorded))


def check_speed(speed: float) -> None:
    """Raise ValueError unless this is a speed: above 0, or 0 for instant."""
    if not 0 <= speed < math.inf:
        raise ValueError(f"speed is {speed}: give a number above 0, or 0 for instant")


def check_idle_limit(idle_limit_ms: float | None) -> None:
    """Raise ValueError unless this is an idle limit: above 0, or None to keep every wait."""
    if idle_limit_ms is not None and not 0 < idle_limit_ms < math.inf:
        raise ValueError(f"idle_limit_ms is {idle_limit_ms}: give ms above 0, or None to keep every wait")


def _shortened(times: Floats, limit_ms: float) -> Floats:
    """Shorten each step. What was saved is subtracted from exact times, so that no error adds up."""
    saved = np.cumsum(np.maximum(np.diff(times) - limit_ms, 0.0))
    return np.concatenate(([0.0], times[1:] - saved))
