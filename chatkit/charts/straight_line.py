"""The straight line that rises through points: so much per step, after so much to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FEWEST = 3
"""Through two points any line goes: it says nothing."""
_ERRORS = 2.0


class StraightLine(NamedTuple):
    """``y = intercept + slope * x``."""

    slope: float
    intercept: float

    @classmethod
    def through(cls, x: Floats, y: Floats) -> StraightLine | None:
        """Return the line of least squares; None through fewer than 3 points, or where it may not rise at all.

        It may not where its slope is less than two of its standard errors above 0, or all points have the same ``x``.

        >>> StraightLine.through(np.array([0.0, 10.0, 20.0]), np.array([5.0, 7.0, 9.0]))
        StraightLine(slope=0.2, intercept=5.0)
        """
        if len(x) < FEWEST or np.ptp(x) == 0:
            return None
        off = x - x.mean()
        slope = float((off * y).sum() / (off * off).sum())
        left = y - y.mean() - slope * off
        error = float(np.sqrt((left * left).sum() / (len(x) - 2) / (off * off).sum()))
        return cls(slope, float(y.mean() - slope * x.mean())) if slope > _ERRORS * error else None

    def at(self, x: Floats) -> Floats:
        """Return the line's height at each ``x``."""
        return self.intercept + self.slope * x
