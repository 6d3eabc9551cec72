"""What a reader at a steady speed felt: the waits for text that had not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.arguments import require_above_zero
from chatkit.metrics.arrivals import CLOCKS, Arrivals
from chatkit.metrics.columns import require_columns, require_frame
from chatkit.timing import Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray


def starvation(chunks: pd.DataFrame, chars_per_s: float = 25.0) -> pd.DataFrame:
    """Return how long a reader waited, after the first text, for text that had not come.

    The reader takes ``chars_per_s`` characters a second and starts with the first chunk. With arrivals ``t``
    and characters ``c``, the reader is through chunk ``i`` at ``r_i = max(r_(i-1), t_i) + c_i / chars_per_s``,
    and was starved for the sum of ``t_i - r_(i-1)`` where that is positive. A stall that the reader does not
    reach in time costs nothing.

    Args:
        chunks: ``message_id``, ``sequence``, ``elapsed_ms`` (or ``offset_ms``), ``n_chars``; where there is a
            ``kind``, only answer text (``text``) is read.
        chars_per_s: the reader's speed; 25 characters a second is about 300 English words a minute.

    Returns:
        One row per response with text, in the order of the first chunks: ``message_id``, ``n_chars`` read,
        ``starved_ms``, and ``starved_share`` of the time from the first text until the reader is through
        (0 to 1, NaN for no time).

    Raises:
        KeyError: a column is missing.
        ValueError: the speed is not above 0.

    References:
        The idea is that of Andes, arXiv 2404.16283: quality of experience against a reader's pace.

    >>> chunks = pd.DataFrame({"message_id": "m", "sequence": [1, 2, 3], "n_chars": [10, 10, 10],
    ...                        "elapsed_ms": [0.0, 100.0, 2000.0]})
    >>> starvation(chunks, chars_per_s=10)[["n_chars", "starved_ms", "starved_share"]]
       n_chars  starved_ms  starved_share
    0       30         0.0            0.0
    >>> starvation(chunks, chars_per_s=20)[["n_chars", "starved_ms", "starved_share"]]
       n_chars  starved_ms  starved_share
    0       30      1000.0            0.4
    """
    require_above_zero(chars_per_s=chars_per_s)
    require_frame(chunks)
    read = chunks[chunks["kind"].eq("text")] if "kind" in chunks.columns else chunks
    clock = next((name for name in CLOCKS if name in chunks.columns), CLOCKS[0])
    require_columns(chunks, ["message_id", "sequence", clock, "n_chars"])
    rows = Arrivals.of(read)
    arrived, n_chars = rows.ragged(clock), rows.ragged("n_chars")
    reading_ms = Ragged(np.multiply(n_chars.values, 1000 / chars_per_s), rows.bounds)
    # The waits add up to the largest lead that any arrival has over the reading of all before it:
    # r_i - R_i = max(t_j - R_(j-1)) for j <= i, where R is the reading time so far; each rise is a wait.
    lead = Ragged(np.subtract(arrived.values, _so_far(reading_ms)), rows.bounds)
    starved_ms = lead.percentile(100) - arrived.first()
    total_ms = starved_ms + reading_ms.sums()
    return pd.DataFrame(
        {
            "message_id": rows.message_ids,
            "n_chars": n_chars.sums().astype(np.int64),
            "starved_ms": starved_ms,
            "starved_share": starved_ms / np.where(total_ms > 0, total_ms, np.nan),
        }
    )


def _so_far(amounts: Ragged) -> NDArray[np.float64]:
    """For each value, the sum of those before it in its row."""
    sums = np.concatenate(([0.0], np.cumsum(amounts.values)))
    at_start = sums[amounts.bounds[:-1]]
    return np.subtract(sums[:-1], at_start[amounts.rows])
