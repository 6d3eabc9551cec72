"""Where the tokens went: input that repeats, input that is new, output, and reasoning within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from chatkit.charts.captions import counted, group_labels, left_out
from chatkit.charts.colour_names import name_colours
from chatkit.charts.lettering import figure, fitted
from chatkit.charts.palette import ANSWER, CACHED, INK, MUTED, NEW, REASONING
from chatkit.charts.style import TEXT_PT, dressed, head, name_axes, say_nothing, size_pt, styled
from chatkit.metrics.grouping import By, Groups
from chatkit.metrics.token_kinds import InputTokens, OutputTokens

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_KINDS = ((CACHED, "cached input"), (NEW, "uncached input"), (ANSWER, "output"), (REASONING, "reasoning"))
_BAR = 0.72
_TICK_PT = 45.0
"""Room for the number at a tick."""
_ROW_PT = 1.4 * TEXT_PT
_NAMES_SHARE = 0.45
"""The part of the width that names may take."""


@styled
def plot_usage(
    responses: pd.DataFrame,
    by: By = "context_id",
    ax: Axes | None = None,
    *,
    title: str | None = None,
) -> Axes:
    """Draw one bar per group: its responses' tokens by kind, stacked, each token once.

    Groups of a number or a time (such as ``turn``) stand in their order, others by their tokens, most first. Where
    there are more than have room, those that come last share one bar: what each of them has on average.

    Args:
        responses: one row per response: ``prompt_tokens``, ``completion_tokens`` and the columns of ``by``;
            ``cached_tokens`` and ``reasoning_tokens`` where they are known (what is not reported counts as none).
            A response without usage is left out, and counted.
        by: a column, a list of columns, or nothing: all responses are one group.
        ax: where to draw; by default on a new figure.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: a column is not numeric.
    """
    spent = InputTokens.of(responses), OutputTokens.of(responses)
    kinds = np.array([spent[0].cached, spent[0].uncached, spent[1].answer, spent[1].reasoning])
    known = ~np.isnan(kinds).any(axis=0)
    groups, ax = Groups.of(responses[known], by), dressed(ax)
    sums = [np.bincount(groups.numbers, weights=kind, minlength=len(groups)) for kind in kinds[:, known]]
    tokens = np.column_stack(sums).astype(np.float64)
    order = np.arange(len(groups)) if _is_scale(groups.keys) else np.argsort(-tokens.sum(axis=1), kind="stable")
    tokens, reach = tokens[order], order[: max(int(size_pt(ax)[1] / _ROW_PT), 2)]  # of no more is a name measured
    names = fitted(group_labels(groups.keys.iloc[reach]), _NAMES_SHARE * size_pt(ax)[0], TEXT_PT)
    bars, names, n_shared = _with_room(tokens, names, int(size_pt(ax, names)[1] / _ROW_PT))
    shown = [number for number in range(len(_KINDS)) if number < 3 or tokens[:, number].any()]
    _draw(ax, bars, shown)
    _name_bars(ax, names, bars.sum(axis=1))
    n_responses = counted(int(known.sum()), "response")
    caption = (
        f"{n_responses} in {counted(len(groups), 'group')}" if len(groups) > 1 else n_responses,
        f"last bar: mean of {n_shared:,}" if n_shared else "",
        left_out(int((~known).sum()), "without usage"),
    )
    name_axes(ax, "tokens", " · ".join(groups.keys.columns))
    legend_pt = name_colours(ax, [_KINDS[number] for number in shown]) if len(bars) else 0.0
    if not len(bars):
        say_nothing(ax, "no response with usage")
    head(ax, title or _finding(tokens.sum(axis=0)), caption, names, legend_pt)
    return ax


def _is_scale(keys: pd.DataFrame) -> bool:
    """Whether the groups have an order of their own that a reader expects."""
    return len(keys.columns) == 1 and all(
        pd.api.types.is_numeric_dtype(keys[name]) or pd.api.types.is_datetime64_any_dtype(keys[name]) for name in keys
    )


def _with_room(tokens: Floats, names: list[str], most: int) -> tuple[Floats, list[str], int]:
    """Return the bars that have room and their names; the last is the mean of the rest, which are counted."""
    if len(tokens) <= max(most, 2):
        return tokens, names, 0
    kept = max(most, 2) - 1
    n_shared = len(tokens) - kept
    bars = np.vstack((tokens[:kept], tokens[kept:].mean(axis=0)))
    return bars, [*names[:kept], f"and {n_shared:,} more, each"], n_shared


def _draw(ax: Axes, bars: Floats, shown: list[int]) -> None:
    """Draw the kinds one after the other, from the left."""
    rows = np.arange(len(bars))
    ends = bars.cumsum(axis=1)
    for number in shown:
        ax.barh(rows, bars[:, number], left=(ends - bars)[:, number], height=_BAR, color=_KINDS[number][0])


def _name_bars(ax: Axes, names: list[str], totals: Floats) -> None:
    """Write each bar's name at its left, and how many tokens it is at its right."""
    ax.set_xlim(0, max(float(totals.max(initial=0.0)), 1.0) * 1.12)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.xaxis.set_major_locator(MaxNLocator(max(2, int(size_pt(ax, names)[0] / _TICK_PT)), steps=[1, 2, 2.5, 5, 10]))
    ax.set_yticks(range(len(names)), names, fontsize=TEXT_PT, color=INK, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    for row, total in enumerate(totals):
        ax.annotate(
            figure(total), (total, row), (3, 0), textcoords="offset points", va="center", color=MUTED, fontsize=TEXT_PT
        ).set_gid("total")


def _finding(kinds: Floats) -> str:
    """Say in one line how many tokens there are, and how much of the input was cached."""
    if not kinds.sum():
        return "Tokens by kind"
    prompt = kinds[0] + kinds[1]
    cached = f", {kinds[0] / prompt:.0%} of the input cached" if kinds[0] else ""
    return f"{counted(int(kinds.sum()), 'token')}{cached}"
