"""How far groups are from a baseline, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from chatkit.charts.captions import counted, group_labels, left_out_of
from chatkit.charts.end_labels import end_scale
from chatkit.charts.lettering import figure, fitted, shortened, width_pt
from chatkit.charts.palette import FLOW, FRAME, INK, MUTED
from chatkit.charts.style import TEXT_PT, dressed, head, name_axes, say_nothing, size_pt, styled
from chatkit.metrics.arguments import require_one_of
from chatkit.metrics.columns import require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NEEDED = (
    "metric", "statistic", "baseline", "n_responses", "n_contexts", "baseline_n_responses", "baseline_n_contexts",
    "baseline_value", "difference", "difference_low", "difference_high", "ratio", "ratio_low", "ratio_high", "reason",
)  # fmt: skip
_LINE_PT = 1.25 * TEXT_PT
_WIDEST = 0.6
_LEFT, _RIGHT = 0.6, 0.45
"""The parts of the width that words at the left and at the right may take."""
_UNITS = {"_ms": " ms", "_usd": " USD", "_tokens": " tokens", "tokens_per_s": " tokens/s", "chars_per_s": " chars/s"}


class _Row(NamedTuple):
    """One difference: its names at the left, and what it is at the right."""

    name: str
    counts: str
    middle: float
    low: float
    high: float
    said: str
    how_sure: str


@styled
def plot_compare(
    comparison: pd.DataFrame,
    ax: Axes | None = None,
    *,
    of: Literal["difference", "percent"] | None = None,
    title: str | None = None,
) -> Axes:
    """Draw each difference to the baseline as a dot, its 95 % interval as a line, and the zero line between them.

    A dot without an interval is hollow, and the reason stands beside it; a difference that is not known has no dot.
    At the left is how many responses (and contexts) each side had, the baseline's last.

    Args:
        comparison: what ``compare`` returns, or some of its rows.
        ax: where to draw; by default on a new figure.
        of: ``difference`` in the metric's own unit, or ``percent`` of the baseline (``ratio`` less 1). By default
            the difference of one metric; percent of several, which differ too much for one axis.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: ``of`` is neither.
    """
    if of is not None:
        require_one_of(("difference", "percent"), of=of)
    require_columns(comparison, _NEEDED)
    ax = dressed(ax)
    metrics = comparison["metric"].unique().tolist()
    in_percent = of == "percent" or (of is None and len(metrics) > 1)
    unit = " %" if in_percent else _unit(metrics)
    rows = _rows(comparison, unit, in_percent=in_percent, several=len(metrics) > 1)
    _draw(ax, rows)
    names = _name_rows(ax, rows)
    name_axes(ax, f"{'change' if in_percent else 'difference'}{f' ({unit.strip()})' if unit else ''}", "")
    n_unsure = sum(np.isnan(row.low) for row in rows)
    caption = (
        f"{counted(len(rows), 'difference')}, with 95 % intervals",
        f"no interval for {n_unsure:,}" if n_unsure else "",
        left_out_of(len(rows), len(names), "named"),
    )
    if not rows:
        say_nothing(ax, "no group beside the baseline")
    head(ax, title or _finding(comparison, metrics), caption, names)
    return ax


def _finding(comparison: pd.DataFrame, metrics: list[str]) -> str:
    """Say what is compared with what."""
    if comparison.empty:
        return "No comparison"
    statistic, baseline = (" and ".join(comparison[name].unique().tolist()) for name in ("statistic", "baseline"))
    what = metrics[0] if len(metrics) == 1 else counted(len(metrics), "metric")
    of = f"{statistic} {what}" if len(metrics) == 1 else f"{statistic} of {what}"
    return f"{of[:1].upper()}{of[1:]} against {shortened(baseline, 20)}"


def _unit(metrics: Sequence[str]) -> str:
    """Return the unit that the metrics' names end in, with a space before it; nothing where they differ.

    >>> _unit(["ttft_ms", "tpot_ms"]), _unit(["tokens_per_s"]), _unit(["ttft_ms", "n_chars"])
    (' ms', ' tokens/s', '')
    """
    units = {next((unit for end, unit in _UNITS.items() if name.endswith(end)), "") for name in metrics}
    return units.pop() if len(units) == 1 else ""


def _rows(comparison: pd.DataFrame, unit: str, *, in_percent: bool, several: bool) -> list[_Row]:
    """Return the rows of a comparison as they are drawn."""
    keys = comparison[comparison.columns[: comparison.columns.get_loc("metric")]]
    names = group_labels(keys)
    rows = []
    for name, (_, row) in zip(names, comparison.iterrows(), strict=True):
        if in_percent:
            middle, low, high = (100 * (row[f"ratio{end}"] - 1) for end in ("", "_low", "_high"))
        else:
            middle, low, high = (row[f"difference{end}"] for end in ("", "_low", "_high"))
        said = "unknown" if np.isnan(middle) else f"{_signed(middle)}{unit}"
        sure = f"{_signed(low)} to {_signed(high)}"
        if np.isnan(low):
            no_ratio = in_percent and row["baseline_value"] == 0
            sure = "the baseline is 0" if no_ratio else str(row["reason"]) if pd.notna(row["reason"]) else "no interval"
        full = " · ".join(filter(None, (name, str(row["metric"]) if several else "")))
        rows.append(_Row(full, _counts(row), float(middle), float(low), float(high), said, sure))
    return rows


def _counts(row: pd.Series) -> str:
    """Say how many responses each side has, and how many contexts where those are fewer."""
    sides = ("", "baseline_")
    responses, contexts = ([row[f"{side}{n}"] for side in sides] for n in ("n_responses", "n_contexts"))
    beside = f" ({contexts[0]:,} and {contexts[1]:,} contexts)" if contexts != responses else ""
    return f"n = {responses[0]:,} and {responses[1]:,}{beside}"


def _signed(value: float) -> str:
    """Return a number with its sign; 0 has none.

    >>> _signed(12.34), _signed(-1234.5), _signed(0.0)
    ('+12.3', '-1,234', '0')
    """
    return f"+{figure(value)}" if value > 0 else figure(value)


def _draw(ax: Axes, rows: list[_Row]) -> None:
    if rows:
        ax.axvline(0, color=FRAME, linewidth=1.2)
    for place, row in enumerate(rows):
        if not np.isnan(row.low):
            ax.hlines(place, row.low, row.high, color=FLOW, linewidth=2.4)
        if not np.isnan(row.middle):
            inside = "white" if np.isnan(row.low) else FLOW
            ax.plot(row.middle, place, "o", color=FLOW, markersize=6, markerfacecolor=inside)
    ends = np.array([(row.middle, row.low, row.high) for row in rows]).ravel()
    ends = np.concatenate((ends[~np.isnan(ends)], [0.0]))
    margin = 0.06 * float(np.ptp(ends)) or 1.0
    ax.set_xlim(float(ends.min()) - margin, float(ends.max()) + margin)
    ax.set_ylim(max(len(rows), 1) - 0.4, -0.6)


def _name_rows(ax: Axes, rows: list[_Row]) -> list[str]:
    """Write names and counts at the left, values and intervals in a column at the right; return what is at the left.

    Where the axes are narrow only the names and the values are written.
    """
    room = size_pt(ax)[1] / _LINE_PT / max(len(rows), 1)
    between = "\n" if room >= 2.4 else ", "
    step = max(1, int(np.ceil(1 / max(room, 1e-9))))
    named = list(range(0, len(rows), step))
    left = [f"{rows[place].name}{between}{rows[place].counts}" for place in named]
    if _widest(left) > _LEFT * size_pt(ax)[0]:
        left = fitted([rows[place].name for place in named], _LEFT * size_pt(ax)[0], TEXT_PT)
    right = [f"{rows[place].said}{between}{rows[place].how_sure}" for place in named]
    if _widest(right) > _RIGHT * size_pt(ax)[0]:
        right = [rows[place].said for place in named]
    ax.set_yticks(named, left, fontsize=TEXT_PT, color=INK, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    column = _reserve(ax, left, right)
    for place, text in zip(named, right, strict=True):
        ax.text(
            column, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=TEXT_PT, color=MUTED,
            linespacing=1.05, parse_math=False,
        ).set_gid("difference")  # fmt: skip
    return left


def _widest(texts: list[str]) -> float:
    return max((width_pt(text, TEXT_PT) for text in texts), default=0.0)


def _reserve(ax: Axes, left: list[str], right: list[str]) -> float:
    """Make the x axis longer by a column for the texts at its right, and return where that begins (0 to 1).

    A layout engine will make the axes narrower by the texts at their left, where those are wide.
    """
    axes_pt = size_pt(ax, left)[0]
    share = min((_widest(right) + 1.5 * TEXT_PT) / axes_pt, _WIDEST)
    low, high = ax.get_xlim()
    end_scale(ax)
    ax.set_xlim(right=low + (high - low) / (1 - share))
    return 1 - share + 0.5 * TEXT_PT / axes_pt
