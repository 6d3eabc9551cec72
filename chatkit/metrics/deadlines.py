"""A deadline for every chunk: how many came in time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chatkit.metrics.arguments import require_above_zero
from chatkit.metrics.arrivals import Arrivals


def fluidity(chunks: pd.DataFrame, deadline_ms: float) -> pd.DataFrame:
    """Return the share of chunks after the first that came by their deadline.

    Each chunk is due ``deadline_ms`` after the one before. What it comes early is kept for those after it;
    a chunk that comes late even so has missed, and the count begins anew from there, with nothing in hand:
    ``slack = slack + deadline_ms - gap`` where that is not negative, else a miss and ``slack = 0``.

    Args:
        chunks: ``message_id``, ``sequence``, ``gap_ms`` (or arrival times).
        deadline_ms: time allowed per chunk; what is right depends on the server's chunks and the readers, so
            there is no default.

    Returns:
        One row per response, in the order of the first chunks: ``message_id``, ``deadlines`` (chunks after
        the first), ``met``, ``fluidity`` = ``met / deadlines`` (NaN with fewer than two chunks).

    Raises:
        KeyError: a column is missing.
        ValueError: the deadline is not above 0.

    References:
        Etalon, arXiv 2407.07000, fluidity index; here per chunk, since a chunk is not a token.

    >>> chunks = pd.DataFrame({"message_id": "m", "sequence": range(1, 6),
    ...                        "offset_ms": [500.0, 510.0, 590.0, 700.0, 740.0]})
    >>> fluidity(chunks, deadline_ms=50)[["deadlines", "met", "fluidity"]]
       deadlines  met  fluidity
    0          4    3      0.75
    """
    require_above_zero(deadline_ms=deadline_ms)
    rows = Arrivals.of(chunks)
    gaps = rows.gaps_ms()
    between = gaps.where(~np.isnan(gaps.values))
    # Slack is a sum that is lifted back to 0 whenever it would fall below: it does where the plain sum
    # falls below every value that it had before, 0 at the start included.
    response = between.rows
    balance = pd.Series(np.subtract(deadline_ms, between.values)).groupby(response).cumsum()
    lowest = balance.groupby(response).cummin().groupby(response).shift(fill_value=0.0).clip(upper=0.0)
    # Sums of decimals: a chunk exactly on its deadline is met, though rounding may put it an atom below.
    missed = (balance < lowest - 1e-6).to_numpy(np.bool_)
    deadlines = between.counts
    met = deadlines - np.bincount(response[missed], minlength=len(rows))
    return pd.DataFrame(
        {
            "message_id": rows.message_ids,
            "deadlines": deadlines,
            "met": met,
            "fluidity": met / np.where(deadlines > 0, deadlines, np.nan),
        }
    )
