"""A logarithmic axis of gaps on which zero has a place of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from chatkit.charts.palette import FRAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def set_gap_axis(ax: Axes, gap_ms: NDArray[np.float64], up_to_ms: float) -> float:
    """Scale the y axis for these gaps, at least up to a level, and return where a gap of zero stands.

    Zero gaps are real, several chunks in one read; they stand half a decade under all others, past a line
    that says that the scale does not run on to there.
    """
    positive = gap_ms[gap_ms > 0]
    low = float(positive.min(initial=up_to_ms))
    high = float(positive.max(initial=max(up_to_ms, 3 * low)))
    zero = 10 ** (np.log10(low) - 0.7)
    has_zeros = bool((gap_ms == 0).any())
    ticks = _ticks(low, high)
    ax.set_yscale("log")
    ax.set_ylim(zero / 2 if has_zeros else low / 3, high * 1.15)
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(FixedLocator([zero, *ticks] if has_zeros else ticks))
    names = [f"{tick:,.10g}" for tick in ticks]
    ax.yaxis.set_major_formatter(FixedFormatter(["0", *names] if has_zeros else names))
    if has_zeros:
        ax.axhline(10 ** (np.log10(low) - 0.35), color=FRAME, linewidth=0.8, linestyle=(0, (1, 3)))
    return float(zero)


def _ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten around the gaps; over less than two decades also 2 and 5 times those."""
    decades = range(int(np.floor(np.log10(low / 3))), int(np.floor(np.log10(high))) + 1)
    steps = (1, 2, 5) if np.log10(high / low) < 2 else (1,)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return [tick for tick in ticks if low / 3 <= tick <= high * 1.15]
