"""Statistics of many samples at once: the same values, each sample with its own weights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Statistic = Callable[[Floats, Integers], Floats]


def mean(values: Floats, weights: Integers) -> Floats:
    """Return the mean of each sample; NaN of an empty one.

    Args:
        values: shape ``(n,)``.
        weights: how often each value is in each sample, shape ``(samples, n)``.

    >>> mean(np.array([1.0, 4.0]), np.array([[1, 1], [2, 1]]))
    array([2.5, 2. ])
    """
    sizes = weights.sum(axis=1)
    # A value that is in no sample must not count, not even as NaN: 0 * NaN is NaN.
    sums = np.where(weights > 0, values, 0.0) * weights
    means: Floats = np.divide(sums.sum(axis=1), sizes, out=np.full(len(weights), np.nan), where=sizes > 0)
    return means


def percentile(values: Floats, weights: Integers, q: float) -> Floats:
    """Return a percentile of each sample, interpolated linearly as by ``numpy.percentile``; NaN of an empty one.

    >>> percentile(np.array([9.0, 1.0, 5.0]), np.array([[1, 1, 1], [3, 1, 0], [1, 0, 1]]), 50)
    array([5., 9., 7.])
    """
    if not len(values):
        return np.full(len(weights), np.nan)
    order = np.argsort(values)
    ordered, until = values[order], weights[:, order].cumsum(axis=1)
    sizes = until[:, -1]
    place = np.maximum(sizes - 1, 0) * (q / 100)
    below = np.floor(place).astype(np.int64)
    low, high = (_at(ordered, until, k) for k in (below, np.minimum(below + 1, np.maximum(sizes - 1, 0))))
    found = low + (high - low) * (place - below)
    # NaN stands last in order: a sample that holds one has no percentile.
    holds_nan = weights[:, np.isnan(values)].any(axis=1)
    return np.where((sizes == 0) | holds_nan, np.nan, found)


def _at(ordered: Floats, until: Integers, k: Integers) -> Floats:
    """Return the ``k``-th value (from 0) of each sample, of values of which so many are in it up to each."""
    place = (until <= k[:, np.newaxis]).sum(axis=1)
    return np.asarray(ordered[np.minimum(place, len(ordered) - 1)], dtype=np.float64)


STATISTICS: dict[str, Statistic] = {
    "mean": mean,
    **{name: partial(percentile, q=q) for name, q in {"median": 50, "p90": 90, "p95": 95, "p99": 99}.items()},
}
"""What a group can be summed up by."""
