"""Tokens over the time in which the server had something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.columns import require_columns
from chatkit.metrics.dask_columns import in_memory
from chatkit.metrics.grouping import By, Groups, group_names
from chatkit.metrics.in_flight import flight_spans_us

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from chatkit.metrics.columns import Frame

    Floats = NDArray[np.float64]

_COLUMNS = (
    "count", "missing", "completion_tokens", "busy_s", "window_s", "busy_tokens_per_s", "window_tokens_per_s",
)  # fmt: skip
_US_PER_S = 1e6


def throughput(responses: Frame, by: By = None) -> pd.DataFrame:
    """Return output tokens per second of all responses together.

    ``busy_s`` is the time in which at least one response was in flight: the union of the spans from
    ``started_at`` to ``completed_at`` (or to the last chunk), so that a quiet night does not count.
    ``window_s`` is the whole time from the first start to the last end.

    Args:
        responses: one row per response: ``started_at``, ``completed_at``, ``completion_tokens``. Of a Dask frame
            only these columns are computed.
        by: a column, a list of columns, or nothing: all responses are one group.

    Returns:
        One row per group, ascending, missing keys last: the group columns, ``count`` (responses whose tokens
        and span are known), ``missing`` (the others: they are in none of the figures),
        ``completion_tokens``, ``busy_s``, ``window_s``, ``busy_tokens_per_s``, ``window_tokens_per_s``
        (NaN over no time).

    Raises:
        KeyError: a column is missing.

    >>> import pandas as pd
    >>> at = lambda *seconds: pd.to_datetime(seconds, unit="s", utc=True)
    >>> responses = pd.DataFrame({"started_at": at(0, 1, 98), "completed_at": at(3, 4, 100),
    ...                           "completion_tokens": [60, 30, 30]})
    >>> throughput(responses)[["busy_s", "window_s", "busy_tokens_per_s", "window_tokens_per_s"]]
       busy_s  window_s  busy_tokens_per_s  window_tokens_per_s
    0     6.0     100.0               20.0                  1.2
    """
    names = [*group_names(by), "completion_tokens", "started_at", "completed_at"]
    responses = in_memory(responses, names, optional=("ttft_ms", "streaming_ms"))
    require_columns(responses, ["completion_tokens"])
    groups = Groups.of(responses, by, taken=_COLUMNS)
    tokens = responses["completion_tokens"].to_numpy(np.float64, na_value=np.nan)
    starts, ends = flight_spans_us(responses)
    known = ~np.isnan(tokens) & ~np.isnan(starts) & ~np.isnan(ends)
    counted = [rows[known[rows]] for rows in groups.rows()]
    result = groups.keys.assign(
        count=np.array([len(rows) for rows in counted], dtype=np.int64),
        missing=np.bincount(groups.numbers[~known], minlength=len(groups)),
        completion_tokens=np.array([tokens[rows].sum() for rows in counted], dtype=np.int64),
        busy_s=np.array([_union(starts[rows], ends[rows]) / _US_PER_S for rows in counted]),
        window_s=np.array([_window(starts[rows], ends[rows]) / _US_PER_S for rows in counted]),
    )
    for name in ("busy", "window"):
        seconds = result[f"{name}_s"]
        result[f"{name}_tokens_per_s"] = result["completion_tokens"] / seconds.where(seconds > 0)
    return result


def _union(starts: Floats, ends: Floats) -> float:
    """Return the length of time that at least one span covers."""
    order = np.argsort(starts)
    starts, ends = starts[order], ends[order]
    # What came before covers up to here; a span adds what reaches past that.
    covered = np.maximum.accumulate(np.concatenate(([-np.inf], ends)))[:-1] if len(ends) else ends
    return float(np.maximum(0.0, ends - np.maximum(starts, covered)).sum())


def _window(starts: Floats, ends: Floats) -> float:
    return float(ends.max() - starts.min()) if len(starts) else 0.0
