"""What a stall is: a gap far longer than the other gaps of its response."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from chatkit.timing.ragged import Ragged

if TYPE_CHECKING:
    from chatkit.timing.ragged import Booleans, Floats

_FEWEST_OTHERS = 4
"""With fewer other gaps than this, their median says nothing and only the floor counts."""


@dataclass(frozen=True, slots=True)
class StallRule:
    """A gap is a stall when it is longer than ``max(floor_ms, factor * median of the other gaps)``.

    The defaults find the 11 stalls of the recordings and no other gap; floors of 225 to 290 ms and factors
    of 2 to 5 find the same. A floor of 200 ms also finds 20 gaps that a blocked client made itself.
    """

    floor_ms: float = 250.0
    factor: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what no gap can be held against.

        Raises:
            ValueError: a number is below 0, NaN, or none.

        >>> StallRule(floor_ms=-1)
        Traceback (most recent call last):
        ...
        ValueError: floor_ms has to be 0 or above: -1
        """
        for name, number in (("floor_ms", self.floor_ms), ("factor", self.factor)):
            if not isinstance(number, Real) or not float(number) >= 0:
                raise ValueError(f"{name} has to be 0 or above: {number!r}")


def medians_of_others(gaps: Ragged) -> Floats:
    """For each gap, the median of the other gaps of its row; NaN where it is alone.

    Removing the value of rank ``r`` from a sorted row leaves a row whose ``j``-th value is the ``j``-th of
    the whole for ``j < r`` and the ``j + 1``-th after it, so no row has to be sorted twice.
    """
    rows, counts = gaps.rows, gaps.counts
    order = gaps.order()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - gaps.bounds[:-1][rows]
    others = counts[rows] - 1
    ordered = gaps.values[order]
    start = gaps.bounds[:-1][rows]

    def other(place: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        shifted = place + (place >= rank)
        picked: Floats = ordered[np.minimum(start + shifted, len(ordered) - 1)]
        return picked

    median = (other((others - 1) // 2) + other(others // 2)) / 2 if len(ordered) else np.empty(0)
    median[others == 0] = np.nan
    return median


def stall_limits(gaps: Ragged, rule: StallRule | None = None) -> Floats:
    """For each gap (in ms), the length in ms past which it is a stall."""
    rule = rule or StallRule()
    enough = (gaps.counts[gaps.rows] - 1) >= _FEWEST_OTHERS
    medians = np.where(enough, medians_of_others(gaps), 0.0)
    return np.maximum(rule.floor_ms, rule.factor * medians)


def is_stall(gaps: Ragged, rule: StallRule | None = None) -> Booleans:
    """For each gap (in ms), whether it is a stall."""
    rule = rule or StallRule()
    stalled: Booleans = gaps.values > rule.floor_ms
    some = np.unique(gaps.rows[stalled])
    if len(some):  # only rows with a gap above the floor need medians
        of_some = np.isin(gaps.rows, some)
        rest = Ragged.from_counts(gaps.values[of_some], gaps.counts[some])
        stalled[of_some] = rest.values > stall_limits(rest, rule)
    return stalled
