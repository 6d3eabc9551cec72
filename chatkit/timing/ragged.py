"""Rows of unequal length in one flat array, and the column operations that figures need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]


_SIXTEEN_BITS = 2**16


@dataclass(frozen=True)
class Ragged:
    """``n`` rows of floats: row ``i`` is ``values[bounds[i]:bounds[i + 1]]``.

    Every method that gives one figure a row gives NaN for a row without values.

    >>> chunks = Ragged.of([1.0, 2.0, 4.0], [])
    >>> chunks.last()
    array([ 4., nan])
    """

    values: Floats
    bounds: Integers

    @classmethod
    def of(cls, *rows: ArrayLike) -> Ragged:
        """Build from rows written out one by one."""
        arrays = [np.asarray(row, dtype=np.float64) for row in rows]
        return cls.from_counts(
            np.concatenate(arrays) if arrays else np.empty(0), np.array([len(row) for row in arrays])
        )

    @classmethod
    def from_counts(cls, values: Floats, counts: ArrayLike) -> Ragged:
        """Build from the flat values and the length of each row."""
        bounds = np.concatenate(([0], np.cumsum(np.asarray(counts, dtype=np.int64)))).astype(np.int64)
        return cls(values, bounds)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @cached_property
    def counts(self) -> Integers:
        """Number of values in each row."""
        return np.diff(self.bounds)

    @cached_property
    def rows(self) -> Integers:
        """For each value, the number of its row."""
        return np.repeat(np.arange(len(self)), self.counts)

    def where(self, keep: Booleans) -> Ragged:
        """Return the same rows with only the values at which ``keep`` is true."""
        if keep.all():
            return self
        return Ragged.from_counts(self.values[keep], np.bincount(self.rows[keep], minlength=len(self)))

    def at(self, position: Integers) -> Floats:
        """Return one value a row, at ``position`` within it; NaN where the row has no such place."""
        inside = (position >= 0) & (position < self.counts)
        found = np.full(len(self), np.nan)
        found[inside] = self.values[(self.bounds[:-1] + position)[inside]]
        return found

    def first(self) -> Floats:
        """Return the first value of each row."""
        return self.at(np.zeros(len(self), dtype=np.int64))

    def last(self) -> Floats:
        """Return the last value of each row."""
        return self.at(self.counts - 1)

    def sums(self) -> Floats:
        """Return the sum of each row; 0 for an empty one."""
        return np.bincount(self.rows, weights=self.values, minlength=len(self)).astype(np.float64)

    def sorted(self) -> Ragged:
        """Return the same rows, each in ascending order."""
        falls = ~(np.diff(self.values) >= 0)
        if not falls.any() or not (falls & (np.diff(self.rows) == 0)).any():
            return Ragged(self.values, self.bounds)  # arrivals mostly are
        return Ragged(self.values[self.order()], self.bounds)

    def order(self) -> Integers:
        """Return the order of values that puts each row in ascending order.

        As ``np.lexsort((values, rows))`` up to equal values, in a third of its time: row numbers of 16 bits are
        sorted by counting.
        """
        by_value = np.argsort(self.values)
        rows = self.rows.astype(np.uint16) if len(self) <= _SIXTEEN_BITS else self.rows
        return by_value[np.argsort(rows[by_value], kind="stable")]

    def percentile(self, q: float) -> Floats:
        """Return each row's ``q``-th percentile, linearly interpolated (as ``numpy.percentile``)."""
        ordered, counts = self.sorted(), self.counts
        place = (counts - 1) * (q / 100)
        below = np.floor(place).astype(np.int64)
        low, high = ordered.at(below), ordered.at(np.minimum(below + 1, counts - 1))
        between: Floats = low + (high - low) * (place - below)
        return between

    def n_distinct(self) -> Integers:
        """Return the number of distinct values in each row."""
        ordered = self.sorted()
        new = np.ones(len(ordered.values), dtype=np.bool_)
        new[1:] = (np.diff(ordered.values) != 0) | (np.diff(self.rows) != 0)
        return np.bincount(self.rows[new], minlength=len(self))


def gaps(times: Ragged) -> Ragged:
    """Time between each chunk and the one before: a row of ``n`` times has ``max(n - 1, 0)`` gaps.

    >>> gaps(Ragged.of([10.0, 12.0, 15.0], [7.0])).values
    array([2., 3.])
    """
    inside = np.ones(len(times.values), dtype=np.bool_)
    inside[times.bounds[:-1][times.counts > 0]] = False
    differences = np.diff(times.values, prepend=np.nan)
    return Ragged.from_counts(differences[inside], np.maximum(times.counts - 1, 0))
