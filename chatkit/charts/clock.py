"""The time axis of chunks: since the request where all requests are known, else since the first chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.arrivals import CLOCKS
from chatkit.metrics.columns import require_columns, require_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from chatkit.metrics.arrivals import Arrivals


@dataclass(frozen=True, slots=True)
class Clock:
    """When each chunk came, on one clock for all responses of a picture.

    Attributes:
        seconds: one value per chunk.
        label: what the time axis is called; it says so when a request is not known.
        from_request: whether 0 is the request, else the first chunk.
    """

    seconds: NDArray[np.float64]
    label: str
    from_request: bool

    @classmethod
    def of(cls, rows: Arrivals) -> Clock:
        """Read the clock of some chunks.

        Raises:
            KeyError: the frame has no ``offset_ms``, or a request is not known and it has no ``elapsed_ms``.
        """
        if "offset_ms" in rows.frame.columns:
            offset_ms = rows.ragged("offset_ms").values  # noqa: PD011 - a Ragged's, not a Series'
            if not np.isnan(offset_ms).any():
                return cls(offset_ms / 1000, "seconds since the request", from_request=True)
        require_columns(rows.frame, ["elapsed_ms"])
        elapsed_ms = rows.ragged("elapsed_ms").values  # noqa: PD011 - as above
        return cls(elapsed_ms / 1000, "seconds since the first chunk (request time unknown)", from_request=False)


def timed(chunks: pd.DataFrame) -> pd.DataFrame:
    """Return the chunks that have a time: the others can't stand on a clock."""
    require_frame(chunks)
    known = chunks[[name for name in CLOCKS if name in chunks.columns]].notna()
    is_timed = known.any(axis="columns") if known.shape[1] else known.index.notna()
    return chunks if is_timed.all() else chunks[is_timed]
