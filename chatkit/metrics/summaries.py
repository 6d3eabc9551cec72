"""One figure of many responses: how many, the mean, the percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.columns import numbers_of, require_columns, require_frame
from chatkit.metrics.dask_columns import in_memory
from chatkit.metrics.grouping import By, Groups, group_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from chatkit.metrics.columns import Frame

DEFAULT_METRICS = ("ttft_ms", "tpot_ms", "e2e_ms", "gap_p99_ms", "gap_max_ms", "stalled_ms")
"""What ``summarize`` shows when not told: the wait, the pace, the whole, and what interrupts it."""

_PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
_COLUMNS = ("metric", "count", "missing", "mean", *_PERCENTILES)


def summarize(responses: Frame, metrics: str | Sequence[str] | None = None, by: By = None) -> pd.DataFrame:
    """Count, mean and percentiles of figures of responses, one row per group and metric.

    The unit is the response: a long one weighs no more than a short one. Figures keep their units, which are
    in their names; percentiles are interpolated linearly (``numpy.percentile``).

    Args:
        responses: one row per response, with the columns in ``metrics`` and ``by``; of a Dask frame only these
            columns are computed and brought together, as exact percentiles need.
        metrics: names of numeric columns; by default those of ``ttft_ms, tpot_ms, e2e_ms, gap_p99_ms,
            gap_max_ms, stalled_ms`` that the frame has.
        by: a column, a list of columns, or nothing: all responses are one group.

    Returns:
        The group columns, then ``metric``, ``count`` (responses where it is known), ``missing`` (where it is
        not), ``mean``, ``p50``, ``p90``, ``p95``, ``p99``, ``max`` (NaN where none is known). Groups are in
        ascending order (categories in their own), those of a missing key last; within a group the metrics
        stand as asked for. An empty frame gives no rows.

    Raises:
        KeyError: a column is missing.
        ValueError: a metric is not numeric, or ``by`` has the name of a result column.

    >>> responses = pd.DataFrame({"model": ["a", "a", "b"], "ttft_ms": [100.0, 300.0, None]})
    >>> summarize(responses, "ttft_ms", by="model")[["model", "count", "missing", "p50", "p90"]]
      model  count  missing    p50    p90
    0     a      2        0  200.0  280.0
    1     b      0        1    NaN    NaN
    """
    names = metric_names(responses, metrics)
    responses = in_memory(responses, [*group_names(by), *names])
    groups = Groups.of(responses, by, taken=_COLUMNS)
    parts = [_rows(numbers_of(responses, name), name, groups) for name in names]
    # Stable, so that within a group the metrics keep the order in which they were asked for.
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def metric_names(responses: Frame, metrics: str | Sequence[str] | None) -> list[str]:
    """Return the names of the metrics asked for, or of the main figures that the frame has.

    Raises:
        KeyError: a column is missing.
        ValueError: none is named.
    """
    require_frame(responses)
    if metrics is None:
        names = [name for name in DEFAULT_METRICS if name in responses.columns]
        if not names:
            require_columns(responses, DEFAULT_METRICS)
        return names
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names:
        raise ValueError("metrics is empty: name a column, or leave it out for the main latency figures")
    require_columns(responses, names)
    return names


def _rows(values: NDArray[np.float64], metric: str, groups: Groups) -> pd.DataFrame:
    """Return one row per group for one metric; the index is the group's number."""
    known = ~np.isnan(values)
    counts = np.bincount(groups.numbers[known], minlength=len(groups))
    statistics = np.array([_statistics(values[rows]) for rows in groups.rows()])
    result = groups.keys.copy()
    result["metric"] = metric
    result["count"] = counts
    result["missing"] = np.bincount(groups.numbers, minlength=len(groups)) - counts
    result[["mean", *_PERCENTILES]] = statistics.reshape(len(groups), 1 + len(_PERCENTILES))
    return result


def _statistics(values: NDArray[np.float64]) -> list[float]:
    """Return the mean and the percentiles of the known values; NaN without one."""
    known = np.sort(values[~np.isnan(values)])  # so that the mean is the same to the last bit in any order of rows
    if not len(known):
        return [np.nan] * (1 + len(_PERCENTILES))
    return [float(known.mean()), *np.percentile(known, list(_PERCENTILES.values())).tolist()]
