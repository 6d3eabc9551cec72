"""How many responses were in flight at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.columns import require_columns
from chatkit.metrics.moments import moments_us

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def add_concurrency(responses: pd.DataFrame) -> pd.DataFrame:
    """Add how many responses were in flight when each began, and at most while it lasted.

    A response is in flight from ``started_at`` until just before its end: ``completed_at``, or the last
    chunk (``started_at + ttft_ms + streaming_ms``) where the end is not known. It counts itself: 1 is alone.

    Only the responses in the frame are counted, so concurrency is added before rows are filtered out.

    Args:
        responses: one row per response: ``started_at``, ``completed_at``; ``ttft_ms`` and ``streaming_ms``
            where they are known.

    Returns:
        The same rows with ``in_flight`` and ``max_in_flight`` (Int64). Both are NA for a response whose
        beginning or end is not known; no other response counts it either.

    Raises:
        KeyError: ``started_at`` or ``completed_at`` is missing.

    >>> at = lambda *seconds: pd.to_datetime(seconds, unit="s", utc=True)
    >>> responses = pd.DataFrame({"started_at": at(0, 1, 2), "completed_at": at(2, 5, 4)})
    >>> add_concurrency(responses)[["in_flight", "max_in_flight"]]
       in_flight  max_in_flight
    0          1              2
    1          2              2
    2          2              2
    """
    starts, ends = flight_spans_us(responses)
    known = ~np.isnan(starts) & ~np.isnan(ends)
    at_start, at_most = _counts(starts[known], ends[known])
    return responses.assign(in_flight=_spread(at_start, known), max_in_flight=_spread(at_most, known))


def flight_spans_us(responses: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return when each response began and when it was over, µs since the epoch; NaN where not known.

    Raises:
        KeyError: ``started_at`` or ``completed_at`` is missing.
    """
    require_columns(responses, ["started_at", "completed_at"])
    starts, ends = moments_us(responses["started_at"]), moments_us(responses["completed_at"])
    if {"ttft_ms", "streaming_ms"} <= set(responses.columns):
        ttft = responses["ttft_ms"].to_numpy(np.float64, na_value=np.nan)
        # One chunk has no streaming time: it is the last as soon as it has come.
        streaming = responses["streaming_ms"].fillna(0.0).to_numpy(np.float64)
        ends = np.where(np.isnan(ends), starts + 1000 * (ttft + streaming), ends)
    return starts, ends


def _counts(starts: Floats, ends: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the spans that hold each start, and the most of them at any moment of each span."""
    # One that began and ended in the same µs was in flight for that µs.
    ends = np.maximum(ends, starts + 1)
    ordered = np.sort(starts)
    # Of those begun by then, itself included, those that are not over.
    begun = np.searchsorted(ordered, ordered, side="right")
    running = begun - np.searchsorted(np.sort(ends), ordered, side="right")
    low, high = np.searchsorted(ordered, starts), np.searchsorted(ordered, ends)
    # The number in flight grows only where one begins, so its maximum is at one of the starts.
    return running[low], _range_maxima(running, low, high)


def _range_maxima(values: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``max(values[low:high])`` for each pair (``low < high``), in n log n.

    Level ``k`` holds the maxima of runs of ``2**k`` values; any range is two such runs, which may overlap.
    """
    result = np.empty(len(low), dtype=np.int64)
    level = np.frexp(high - low)[1] - 1
    runs = values
    for k in range(int(level.max(initial=-1)) + 1):
        here = level == k
        result[here] = np.maximum(runs[low[here]], runs[high[here] - 2**k])
        runs = np.maximum(runs[: -(2**k)], runs[2**k :])
    return result


def _spread(counts: NDArray[np.int64], known: NDArray[np.bool_]) -> pd.arrays.IntegerArray:
    """Return the counts on the rows that are known, NA on the others."""
    spread = np.zeros(len(known), dtype=np.int64)
    spread[known] = counts
    return pd.arrays.IntegerArray(spread, ~known)
