"""What caused a stall: another response's wait for its first chunk, at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.columns import require_columns
from chatkit.metrics.moments import moments_us

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Waits:
    """The time that each response waited for its first chunk, in the order in which the waits began.

    While a server reads one prompt it may give nothing to the others: such a wait explains their stall.

    Attributes:
        message_ids: whose wait it was.
        starts_us: when the request was sent, µs since the epoch.
        ends_us: when the first chunk came, or, if none did, when the stream ended.
    """

    message_ids: pd.Series
    starts_us: NDArray[np.float64]
    ends_us: NDArray[np.float64]

    @classmethod
    def of(cls, responses: pd.DataFrame) -> Waits:
        """Take the waits of the responses where both ends are known.

        Raises:
            KeyError: ``message_id``, ``started_at`` or ``ttft_ms`` is missing.
        """
        require_columns(responses, ["message_id", "started_at", "ttft_ms"])
        start = moments_us(responses["started_at"])
        end = start + 1000 * responses["ttft_ms"].to_numpy(np.float64, na_value=np.nan)
        if {"n_chunks", "completed_at"} <= set(responses.columns):
            nothing_came = responses["n_chunks"].isin([0]).to_numpy(np.bool_)
            end = np.where(nothing_came, moments_us(responses["completed_at"]), end)
        known = np.flatnonzero(~np.isnan(end) & ~np.isnan(start))
        order = known[np.argsort(start[known], kind="stable")]
        return cls(responses["message_id"].iloc[order].reset_index(drop=True), start[order], end[order])

    def longest_overlap(self, starts_us: NDArray[np.float64], ends_us: NDArray[np.float64]) -> pd.Series:
        """Return, for each span of time (µs since the epoch), whose wait overlaps it longest; NA where none does.

        Of two that overlap it as long, the one that began first.
        """
        reached = np.maximum.accumulate(self.ends_us)
        chosen = [self._longest(start, end, reached) for start, end in zip(starts_us, ends_us, strict=True)]
        return self.message_ids.reindex(chosen).reset_index(drop=True)

    def _longest(self, start: float, end: float, reached: NDArray[np.float64]) -> int:
        """Return the number of the wait that overlaps the span longest, -1 without one."""
        # All before `low` were over when it began, all from `high` on began when it was over.
        low = int(np.searchsorted(reached, start, side="right"))
        high = int(np.searchsorted(self.starts_us, end))
        if low >= high:
            return -1
        overlap = np.minimum(self.ends_us[low:high], end) - np.maximum(self.starts_us[low:high], start)
        best = int(np.argmax(overlap))
        return low + best if overlap[best] > 0 else -1
