"""The chunks of many responses as the arithmetic on arrival times takes them, and what it says of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chatkit.timing import Ragged, Streams, gaps, is_stall

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """All chunks of some responses, empty deltas included, a row a response.

    Attributes:
        times_us: their arrivals.
        n_chars: code points that each adds.
        is_shown: whether its delta is not empty, so that it counts.
        is_text: whether it is answer text.
        is_reasoning: whether it is reasoning.
    """

    times_us: Ragged
    n_chars: NDArray[np.int64]
    is_shown: NDArray[np.bool_]
    is_text: NDArray[np.bool_]
    is_reasoning: NDArray[np.bool_]

    def streams(self, **of_response: Any) -> Streams:
        """Return the responses without their empty deltas; takes the other attributes of :class:`Streams`."""
        shown = self.is_shown
        if shown.all():
            return Streams(
                self.times_us, self.n_chars.astype(np.float64), self.is_text, self.is_reasoning, **of_response
            )
        return Streams(
            self.times_us.where(shown),
            self.n_chars[shown].astype(np.float64),
            self.is_text[shown],
            self.is_reasoning[shown],
            **of_response,
        )


def chunk_times(rows: ChunkRows, counted: Streams) -> dict[str, NDArray[Any]]:
    """What each chunk's arrival says; an empty delta has a place in time, and counts in nothing."""
    times, counts, shown = rows.times_us, rows.times_us.counts, rows.is_shown
    gap_ms, stalled = np.full(len(shown), np.nan), np.zeros(len(shown), dtype=np.bool_)
    between = gaps(counted.times_us)
    between_ms = Ragged(between.values / 1000, between.bounds)
    follows: NDArray[Any] = _not_first(counted.times_us)
    if not shown.all():
        follows = np.flatnonzero(shown)[follows]
    gap_ms[follows], stalled[follows] = between_ms.values, is_stall(between_ms)
    chars = (rows.n_chars if rows.is_text.all() else np.where(rows.is_text, rows.n_chars, 0)).cumsum()
    before = np.concatenate(([0], chars))[times.bounds[:-1]]
    return {
        "offset_ms": (times.values - np.repeat(counted.requested_us, counts)) / 1000,
        "elapsed_ms": (times.values - np.repeat(counted.times_us.first(), counts)) / 1000,
        "gap_ms": gap_ms,
        "n_chars": rows.n_chars,
        "accumulated_chars": chars - np.repeat(before, counts),
        "is_stall": stalled,
    }


def steps_back(times_us: Ragged) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the responses whose times go back, the place of the first chunk that does so, and by how many µs."""
    steps = np.diff(times_us.values)
    back = np.flatnonzero((steps < 0) & _not_first(times_us)[1:]) + 1
    rows, first = np.unique(times_us.rows[back], return_index=True)
    places = back[first]
    return rows, places - times_us.bounds[rows], -steps[places - 1].astype(np.int64)


def _not_first(times: Ragged) -> NDArray[np.bool_]:
    inside = np.ones(len(times.values), dtype=np.bool_)
    inside[times.bounds[:-1][times.counts > 0]] = False
    return inside
