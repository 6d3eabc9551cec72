"""Fewer marks for the same picture: what is left out is hidden by what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

COLUMNS = 1500
"""Columns into which a time axis is cut; no screen or page shows more of them apart."""


def highest_and_lowest(x: Floats, y: Floats) -> Places:
    """Return the places of the highest and the lowest ``y`` in each column of ``x``, ascending.

    All places where there are no more than two a column. Stems and points keep their outline: whatever is
    left out lies between two that stay.

    >>> x = np.arange(10_000.0)
    >>> kept = highest_and_lowest(x, np.where(x == 5000, 9.0, 1.0))
    >>> len(kept) <= 2 * COLUMNS, 5000 in kept
    (True, True)
    """
    if len(x) <= 2 * COLUMNS:
        return np.arange(len(x))
    column = _columns(x)
    order = np.lexsort((y, column))
    first = np.flatnonzero(np.diff(column[order], prepend=-1))
    last = np.concatenate((first[1:], [len(order)])) - 1
    kept: Places = np.unique(order[np.concatenate((first, last))])
    return kept


def last_of_each(x: Floats) -> Places:
    """Return the place of the last value in each column of an ascending ``x``, and the first of all.

    A line that only rises ends each column where it did before.
    """
    if len(x) <= COLUMNS:
        return np.arange(len(x))
    last = np.flatnonzero(np.diff(_columns(x), append=COLUMNS))
    kept: Places = np.union1d([0], last).astype(np.int64)
    return kept


def _columns(x: Floats) -> Places:
    span = x.max() - x.min()
    share = (x - x.min()) / (span if span > 0 else 1.0)
    columns: Places = np.minimum((share * COLUMNS).astype(np.int64), COLUMNS - 1)
    return columns
