"""Chunks of many responses as ragged rows, so that ``chatkit.timing`` can be asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.columns import require_columns
from chatkit.timing import Ragged, gaps, is_stall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chatkit.timing import StallRule

_NS = 6
"""Decimals of a ms."""

CLOCKS = ("elapsed_ms", "offset_ms")
"""Columns that hold when a chunk came, the one that is always known first."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The chunks that count (their delta is not empty), a response after the other.

    Attributes:
        frame: those chunks; responses in the order of their first chunk, each by ``sequence``.
        bounds: response ``i`` is ``frame.iloc[bounds[i]:bounds[i + 1]]``.
    """

    frame: pd.DataFrame
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, chunks: pd.DataFrame) -> Arrivals:
        """Group a frame of chunks by ``message_id``.

        A row without a sequence is no chunk: a merge with the responses leaves one for each that has none.

        Raises:
            KeyError: ``message_id``, or ``sequence`` is missing.
            ValueError: the message of a chunk is not known.
        """
        require_columns(chunks, ["message_id", "sequence"])
        if (is_none := chunks["sequence"].isna()).any():
            chunks = chunks[~is_none]
        if (unknown := chunks["message_id"].isna()).any():
            raise ValueError(f"message_id is missing in {unknown.sum()} rows of chunks: drop them first")
        shown = chunks[chunks["delta"].ne("").fillna(value=True)] if "delta" in chunks.columns else chunks
        codes, ids = pd.factorize(shown["message_id"])
        order = np.lexsort((shown["sequence"].to_numpy(dtype=np.int64), codes))
        if (np.diff(order) != 1).any():  # stored order is the usual one: then nothing is copied
            shown = shown.iloc[order]
        counts = np.bincount(codes, minlength=len(ids))
        return cls(shown, np.concatenate(([0], np.cumsum(counts))).astype(np.int64))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def numbers(self) -> NDArray[np.int64]:
        """For each chunk, the number of its response."""
        return np.repeat(np.arange(len(self)), np.diff(self.bounds))

    @property
    def message_ids(self) -> pd.Series:
        """The responses' ids, one each, with the type that they have in the frame."""
        return self.frame["message_id"].iloc[self.bounds[:-1]].reset_index(drop=True)

    def ragged(self, column: str) -> Ragged:
        """Return a numeric column as one row a response; missing values are NaN."""
        require_columns(self.frame, [column])
        return Ragged(self.frame[column].to_numpy(dtype=np.float64, na_value=np.nan), self.bounds)

    def gaps_ms(self) -> Ragged:
        """Return one gap per chunk, NaN where none is known, as on a first chunk.

        ``gap_ms`` where the frame has it: then a frame from which chunks were filtered still has the gaps
        that were there. Else they are counted from the arrival times.

        Raises:
            KeyError: the frame has neither ``gap_ms`` nor a column of arrival times.
        """
        if "gap_ms" in self.frame.columns:
            return self.ragged("gap_ms")
        clock = next((name for name in CLOCKS if name in self.frame.columns), "gap_ms")
        times = self.ragged(clock)
        between = np.full(len(self.frame), np.nan)
        later = np.ones(len(self.frame), dtype=np.bool_)
        later[self.bounds[:-1]] = False
        # To the ns: of decimals the difference may be an atom off, and 250 ms is no stall where 250.0000000001 is.
        between[later] = gaps(times).values.round(_NS)  # noqa: PD011 - a Ragged's, not a Series'
        return Ragged(between, self.bounds)

    def ended_stall(self, rule: StallRule | None = None) -> NDArray[np.bool_]:
        """Return for each chunk whether the gap before it is a stall."""
        every = self.gaps_ms()
        known = ~np.isnan(every.values)
        ended = np.zeros(len(self.frame), dtype=np.bool_)
        ended[known] = is_stall(every.where(known), rule)
        return ended
