"""Groups of rows: what ``by=`` takes, and the order in which groups come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.columns import require_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

By = str | Sequence[str] | None
"""A column's name, a list of names, or nothing: all rows are one group."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a frame's rows, in ascending order: categories in their own order, NA last.

    Attributes:
        keys: one row a group, the grouping columns with the types that they have in the frame.
        numbers: for each row of the frame, the number of its group.
    """

    keys: pd.DataFrame
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame, by: By, taken: Sequence[str] = ()) -> Groups:
        """Group the rows; a key with a missing value makes a group like any other.

        An empty frame has no group; without ``by`` all rows are one.

        Raises:
            KeyError: a column is missing.
            ValueError: one is named twice, or like one of the result's own (``taken``).

        >>> import pandas as pd
        >>> frame = pd.DataFrame({"model": ["b", None, "a", "b"]})
        >>> groups = Groups.of(frame, "model")
        >>> groups.keys["model"].tolist(), groups.numbers.tolist()
        (['a', 'b', nan], [1, 2, 0, 1])
        """
        names = group_names(by)
        require_columns(frame, names)
        if len(set(names)) < len(names):
            raise ValueError(f"by= names a column twice: {', '.join(names)}")
        clash = [name for name in names if name in taken]
        if clash:
            raise ValueError(f"by={clash[0]!r} is also a column of the result: rename it before grouping")
        if not names:
            return cls(frame.iloc[:1][[]].reset_index(drop=True), np.zeros(len(frame), dtype=np.int64))
        grouped = frame.groupby(names, sort=True, dropna=False, observed=True)
        numbers = grouped.ngroup().to_numpy().astype(np.int64)
        _, first = np.unique(numbers, return_index=True)
        return cls(frame.iloc[first][names].reset_index(drop=True), numbers)

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """Yield, for each group, the positions of its rows in the frame, ascending."""
        order = np.argsort(self.numbers, kind="stable")
        bounds = np.searchsorted(self.numbers[order], np.arange(len(self) + 1))
        for start, stop in pairwise(bounds):
            yield order[start:stop]


def group_names(by: By) -> list[str]:
    """Return ``by`` as a list of column names, empty for none."""
    if by is None:
        return []
    return [by] if isinstance(by, str) else list(by)
