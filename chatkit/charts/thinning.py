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
_ROWS = 300
"""Rows into which the other axis is cut where points thin out: each is lower than a point."""
_FEW = 50_000
"""Points that are drawn in no time, whether they can be told apart or not."""


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


def one_of_each_spot(x: Floats, y: Floats) -> Places:
    """Return the places of one point in each spot of the axes, and of the highest and lowest, ascending.

    All places of up to 50,000. Unlike :func:`highest_and_lowest`, what lies in between is kept: a cloud stays as full
    as it was, since what is left out lies under what stays.

    >>> x, y = np.tile(np.arange(1000.0), 100), np.repeat([1.0, 5.0, 6.0, 9.0], 25_000)
    >>> kept = one_of_each_spot(x, y)
    >>> len(kept) < 10_000, np.unique(y[kept]).tolist()
    (True, [1.0, 5.0, 6.0, 9.0])
    """
    if len(x) <= _FEW:
        return np.arange(len(x))
    _, spots = np.unique(_columns(x) * _ROWS + _columns(y, _ROWS), return_index=True)
    kept: Places = np.union1d(spots, highest_and_lowest(x, y)).astype(np.int64)
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


def _columns(x: Floats, n: int = COLUMNS) -> Places:
    span = x.max() - x.min()
    share = (x - x.min()) / (span if span > 0 else 1.0)
    columns: Places = np.minimum((share * n).astype(np.int64), n - 1)
    return columns
