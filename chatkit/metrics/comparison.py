"""Two servers, two models, two scenarios: how far apart, and how sure."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.metrics.arms import Apart, Paired, context_units, paired
from chatkit.metrics.columns import numbers_of, require_columns
from chatkit.metrics.grouping import By, Groups, group_names
from chatkit.metrics.summaries import metric_names
from chatkit.metrics.weighted import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from chatkit.metrics.weighted import Statistic

_FEWEST, _FEW = 8, 20
_NO_RATIO = "a baseline of 0 has no ratio"
_COLUMNS = (
    "metric", "statistic", "baseline", "n_responses", "n_contexts", "baseline_n_responses", "baseline_n_contexts",
    "value", "baseline_value", "difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high",
    "reason",
)  # fmt: skip


def compare(
    responses: pd.DataFrame,
    by: By,
    metrics: str | Sequence[str] | None = None,
    *,
    baseline: Any = None,
    statistic: str = "median",
    pair_by: By = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare groups of responses with one of them: difference, ratio, and a 95 % interval of each.

    The interval is a percentile bootstrap of 2,000 samples. Whole contexts are drawn, since the turns of one
    conversation are alike, and one that is in both groups is drawn for both at once; a response without a
    context stands for itself. Simulated, a 95 % interval held the truth in 81 % of cases with 3 contexts,
    91 % with 10, 93 % with 20 and 94 % with 50.

    Args:
        responses: one row per response: the columns of ``by``, ``metrics`` and ``pair_by``, and
            ``context_id`` where responses belong to one.
        by: a column, or a list of columns, that makes the groups.
        metrics: numeric columns; by default those of ``summarize``.
        baseline: the key of the group that the others are held against (a tuple or list for a list of columns;
            NA for the group whose key is missing); by default the first, in ascending order.
        statistic: ``median``, ``mean``, ``p90``, ``p95`` or ``p99`` of the responses of a group.
        pair_by: compare like with like: a column (or several) whose values both groups have, such as the
            prompt. Then differences and ratios are those of the pairs, each the median of its responses,
            and what has no partner is left out, as is what has no key: two unknown prompts are not alike.
        seed: of the samples drawn; the order of the rows changes nothing.

    Returns:
        One row per group (ascending, without the baseline) and metric: the group columns, ``metric``,
        ``statistic``, ``baseline`` (its key as text, ``unknown`` for NA), ``n_responses`` and ``n_contexts`` where the
        figure is known, the same of the baseline, ``value``, ``baseline_value``, ``difference`` (in the metric's unit)
        and ``ratio`` with their ``_low`` and ``_high``, and ``reason``: why an interval is NaN, else missing. Under 8
        contexts in one of the groups there is none; under 20 there is a warning. A baseline of 0 has no ratio.

    Raises:
        KeyError: a column is missing.
        ValueError: there is no such baseline or statistic, or ``by`` is empty.

    >>> responses = pd.DataFrame({"server": ["a", "a", "b", "b"], "ttft_ms": [100.0, 120.0, 150.0, 180.0]})
    >>> compare(responses, "server", "ttft_ms")[["server", "difference", "ratio", "reason"]]
      server  difference  ratio                       reason
    0      b        55.0    1.5  fewer than 8 contexts: 2, 2
    """
    if statistic not in STATISTICS:
        raise ValueError(f"no statistic {statistic!r}: there are {', '.join(STATISTICS)}")
    if not group_names(by):
        raise ValueError("by is empty: name the column that tells the groups apart")
    names = metric_names(responses, metrics)
    groups = Groups.of(responses, by, taken=_COLUMNS)
    keys = group_names(pair_by)
    require_columns(responses, keys)
    base = _baseline_number(groups, baseline) if len(groups) else 0
    baseline_name = _name(next(groups.keys.iloc[[base]].itertuples(index=False))) if len(groups) else None
    rows: list[dict[str, Any]] = []
    others = [number for number in range(len(groups)) if number != base]
    for number in others:
        both = np.isin(groups.numbers, [number, base])
        is_arm = groups.numbers[both] == number
        rows += [
            {"metric": name, "statistic": statistic, "baseline": baseline_name}
            | _row(responses[both], name, is_arm, keys, STATISTICS[statistic], seed)
            for name in names
        ]
    _warn_of_few(rows)
    table = groups.keys.iloc[np.repeat(others, len(names)).astype(np.int64)].reset_index(drop=True)
    figures = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"baseline": "str", "reason": "str"})
    return pd.concat([table, figures], axis="columns")


def _baseline_number(groups: Groups, baseline: Any) -> int:
    """Return the number of the group with this key; the first without one."""
    if baseline is None:
        return 0
    wanted = _key(baseline if isinstance(baseline, (tuple, list)) else [baseline])
    keys = [_key(key) for key in groups.keys.itertuples(index=False)]
    if wanted not in keys:
        there = ", ".join(repr(key[0] if len(key) == 1 else key) for key in keys)
        raise ValueError(f"no group {baseline!r} to hold the others against: there are {there}")
    return keys.index(wanted)


def _name(key: Iterable[Any]) -> str:
    """Write a group's key as text; pictures call what is missing the same."""
    return " · ".join("unknown" if pd.isna(part) else str(part) for part in key)


def _key(parts: Iterable[Any]) -> tuple[Any, ...]:
    """Return a group's key with None for what is missing, whatever its column calls that: it can be compared."""
    return tuple(None if pd.isna(part) else part for part in parts)


def _row(
    responses: pd.DataFrame,
    metric: str,
    is_arm: NDArray[np.bool_],
    keys: list[str],
    statistic: Statistic,
    seed: int,
) -> dict[str, Any]:
    """Compare one metric of one group with the baseline; ``n_units`` is what was drawn, of the smaller side."""
    values = numbers_of(responses, metric)
    known = ~np.isnan(values)
    values, is_arm = values[known], is_arm[known]
    units = context_units(responses[known])
    pair: Apart | Paired
    if keys:
        pair, used = paired(values, is_arm, units, responses.loc[known, keys])
        is_arm, units = is_arm[used], units[used]
        n_units = len(np.unique(pair.units))
    else:
        pair = Apart(values, is_arm, np.unique(units, return_inverse=True)[1])
        n_units = len(values)
    n_contexts = len(np.unique(units[is_arm])), len(np.unique(units[~is_arm]))
    n_units = min(*n_contexts, n_units)
    difference, ratio = pair.estimate(statistic)[0]
    value, baseline_value = pair.sides(statistic)
    low = high = np.full(2, np.nan)
    reason = None
    if n_units < _FEWEST:
        reason = f"fewer than {_FEWEST} contexts: {n_contexts[0]}, {n_contexts[1]}"
        if min(n_contexts) >= _FEWEST:
            reason = f"fewer than {_FEWEST} pairs apart: {n_units}"
    else:
        low, high = pair.interval(statistic, seed)
        reason = _NO_RATIO if np.isnan(low[1]) else None
    return {
        "n_responses": int(is_arm.sum()),
        "n_contexts": n_contexts[0],
        "baseline_n_responses": int((~is_arm).sum()),
        "baseline_n_contexts": n_contexts[1],
        "value": value,
        "baseline_value": baseline_value,
        "difference": difference,
        "difference_low": low[0],
        "difference_high": high[0],
        "ratio": ratio,
        "ratio_low": low[1],
        "ratio_high": high[1],
        "reason": reason,
        "n_units": n_units,
    }


def _warn_of_few(rows: list[dict[str, Any]]) -> None:
    few = [row["n_units"] for row in rows if not np.isnan(row["difference_low"])]
    if few and min(few) < _FEW:
        warnings.warn(
            f"intervals from fewer than {_FEW} contexts are too narrow: here from {min(few)}; record more",
            stacklevel=3,
        )
