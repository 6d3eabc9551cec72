"""One figure of many responses: how large a share had it at or below a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chatkit.charts.captions import counted, group_labels, left_out_of
from chatkit.charts.end_labels import EndLabel, label_ends, reserve_column
from chatkit.charts.lettering import figure
from chatkit.charts.palette import line_style
from chatkit.charts.style import dressed, head, name_axes, say_nothing, styled
from chatkit.metrics.columns import numbers_of, require_columns
from chatkit.metrics.grouping import By, Groups

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from chatkit.charts.palette import LineStyle

    Floats = NDArray[np.float64]

_NAMES = {
    "ttft_ms": "time to first token (ms)",
    "ttfo_ms": "time to first answer text (ms)",
    "tpot_ms": "time per output token (ms)",
    "e2e_ms": "whole response (ms)",
    "gap_p50_ms": "median gap of a response (ms)",
    "gap_p99_ms": "99th percentile of a response's gaps (ms)",
    "gap_max_ms": "longest gap of a response (ms)",
    "stalled_ms": "time stalled (ms)",
    "chars_per_s": "characters per second",
    "tokens_per_s": "tokens per second",
}
_MARKS = {50: "o", 90: "s", 99: "^"}
_LOG_FROM = 20.0
"""How many times the least value the largest is before a linear axis would hide the small ones."""


@styled
def plot_latency(
    responses: pd.DataFrame,
    metric: str = "ttft_ms",
    by: By = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
) -> Axes:
    """Draw the share of responses at or below each value of a figure, one curve per group.

    The empirical distribution function, with the 50th (dot), 90th (square) and 99th percentile (triangle),
    interpolated linearly as in ``summarize``. The value axis is logarithmic where the values differ more than
    twentyfold and none is 0 or less.

    Args:
        responses: one row per response, with the columns ``metric`` and ``by``.
        metric: a numeric column.
        by: a column, a list of columns, or nothing: all responses are one curve.
        ax: where to draw; by default on a new figure.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: the metric is not numeric.
    """
    require_columns(responses, [metric])
    values, groups, ax = numbers_of(responses, metric), Groups.of(responses, by), dressed(ax)
    known = ~np.isnan(values)
    curves = [np.sort(values[rows[known[rows]]]) for rows in groups.rows()]
    names = group_labels(groups.keys)
    drawn = [(name, curve) for name, curve in zip(names, curves, strict=True) if len(curve)]
    name_axes(ax, _set_value_axis(ax, values[known], metric), "share of responses at or below")
    ax.set_ylim(0, 1.04)
    for number, (_, curve) in enumerate(drawn):
        _draw_curve(ax, curve, line_style(number))
    labels = _labels(drawn, " ms" if metric.endswith("_ms") else "")
    n_named = label_ends(ax, labels, reserve_column(ax, labels))
    unknown = counted(int((~known).sum()), "unknown value") + " left out" if not known.all() else ""
    unnamed = left_out_of(len(labels), n_named, "groups named")
    marks = "● p50  ■ p90  ▲ p99" if drawn else ""
    caption = (counted(int(known.sum()), "response"), marks, unknown, unnamed)
    if not drawn:
        say_nothing(ax, f"no response with a known {metric}")
    head(ax, title or _title(metric), caption)
    return ax


def _name(metric: str) -> str:
    return _NAMES.get(metric, metric)


def _title(metric: str) -> str:
    name = _name(metric).partition(" (")[0]
    return name[:1].upper() + name[1:]


def _set_value_axis(ax: Axes, values: Floats, metric: str) -> str:
    """Scale the x axis for these values, and return what it is called."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if low > 0 and high / low > _LOG_FROM:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:,.10g}")
        ax.set_xlim(low / 1.3, high * 1.1)
        return f"{_name(metric)}, log scale"
    ax.set_xlim(min(low, 0.0), high * 1.03 if high > 0 else 1.0)
    return _name(metric)


def _draw_curve(ax: Axes, ordered: Floats, style: LineStyle) -> None:
    colour, dashes = style
    shares = np.arange(1, len(ordered) + 1) / len(ordered)
    x, y = np.concatenate((ordered[:1], ordered)), np.concatenate(([0.0], shares))
    ax.step(x, y, where="post", color=colour, linestyle=dashes, linewidth=1.7)
    for percent, mark in _MARKS.items():
        ax.plot(np.percentile(ordered, percent), percent / 100, mark, color=colour, markersize=5)


def _labels(drawn: list[tuple[str, Floats]], unit: str) -> list[EndLabel]:
    """Name each curve at a height of its own, the fastest at the top, where its line is to the left of others."""
    by_median = sorted(range(len(drawn)), key=lambda number: -float(np.median(drawn[number][1])))
    labels = []
    for place, number in enumerate(by_median):
        name, ordered = drawn[number]
        height = (place + 0.5) / len(drawn)
        at = float(ordered[min(int(height * len(ordered)), len(ordered) - 1)])
        n, middle = f"n = {len(ordered):,}", f"median {figure(float(np.median(ordered)))}{unit}"
        text = f"{name}\n{n}, {middle}" if name else f"{n}\n{middle}"
        labels.append(EndLabel(text, at, height, line_style(number)[0]))
    return labels
