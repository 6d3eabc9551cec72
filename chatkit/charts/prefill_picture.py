"""What a prompt costs in waiting: time to first token against the tokens that had to be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chatkit.charts.captions import counted, group_labels, left_out, left_out_of
from chatkit.charts.end_labels import EndLabel, label_ends, reserve_column
from chatkit.charts.lettering import figure
from chatkit.charts.palette import line_style, marker
from chatkit.charts.straight_line import FEWEST, StraightLine
from chatkit.charts.style import dressed, head, name_axes, say_nothing, styled
from chatkit.metrics.columns import numbers_of, require_columns
from chatkit.metrics.grouping import By, Groups
from chatkit.metrics.token_kinds import InputTokens

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class _Cloud(NamedTuple):
    """The points of one group, and the line through them."""

    name: str
    tokens: Floats
    ttft_ms: Floats
    line: StraightLine | None


@styled
def plot_prefill(
    responses: pd.DataFrame,
    ax: Axes | None = None,
    *,
    by: By = None,
    title: str | None = None,
) -> Axes:
    """Draw the time to first token over the prompt tokens that were not cached, and a line through each group.

    The line is that of least squares, drawn where a group has 3 points or more and its slope is more than two
    standard errors above 0 (else something else than the prompt's length decides the wait): the slope is the
    prefill time per token, its intercept what a request takes whatever its length. Waiting in a queue is in the
    points too, so group by what tells loads apart.

    Args:
        responses: one row per response: ``ttft_ms``, ``prompt_tokens``, ``cached_tokens`` and the columns of
            ``by``. Uncached are ``prompt_tokens - cached_tokens``; where a source reports no cached tokens, all
            count as uncached. A response without a wait or a prompt count is left out, and counted.
        ax: where to draw; by default on a new figure.
        by: a column, a list of columns, or nothing: all responses are one group.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: a column is not numeric.
    """
    require_columns(responses, ["ttft_ms", "prompt_tokens"])
    tokens, ttft_ms = InputTokens.of(responses).uncached, numbers_of(responses, "ttft_ms")
    groups, ax = Groups.of(responses, by), dressed(ax)
    known = ~np.isnan(tokens) & ~np.isnan(ttft_ms)
    clouds = [
        _Cloud(name, x, y, StraightLine.through(x, y))
        for name, rows in zip(group_labels(groups.keys), groups.rows(), strict=True)
        if len(x := tokens[kept := rows[known[rows]]]) and len(y := ttft_ms[kept])
    ]
    name_axes(ax, "uncached prompt tokens", "time to first token (ms)")
    _set_limits(ax, tokens[known], ttft_ms[known])
    for number, cloud in enumerate(clouds):
        _draw(ax, cloud, number)
    labels = [_label(cloud, number) for number, cloud in enumerate(clouds)]
    n_named = label_ends(ax, labels, reserve_column(ax, labels))
    caption = (
        counted(int(known.sum()), "response"),
        left_out(int((~known).sum()), "with an unknown wait or prompt"),
        _on_cache(responses, known),
        left_out_of(len(labels), n_named, "groups named"),
    )
    if not clouds:
        say_nothing(ax, "no response with a known ttft_ms and prompt_tokens")
    head(ax, title or _finding(clouds), caption)
    return ax


def _set_limits(ax: Axes, tokens: Floats, ttft_ms: Floats) -> None:
    """Begin both axes at 0: where a line meets the left edge is its intercept."""
    ax.set_xlim(0, max(float(tokens.max(initial=0.0)) * 1.03, 1.0))
    ax.set_ylim(0, max(float(ttft_ms.max(initial=0.0)) * 1.06, 1.0))


def _draw(ax: Axes, cloud: _Cloud, number: int) -> None:
    colour, dashes = line_style(number)
    ax.plot(cloud.tokens, cloud.ttft_ms, marker(number), color=colour, markersize=4.5, alpha=0.75, markeredgewidth=0)
    if cloud.line:
        ends = np.array([cloud.tokens.min(), cloud.tokens.max()])
        ax.plot(ends, cloud.line.at(ends), color=colour, linestyle=dashes, linewidth=1.6)


def _label(cloud: _Cloud, number: int) -> EndLabel:
    """Name a group at the right end of its line, or at its rightmost point."""
    last = int(cloud.tokens.argmax())
    x, y = float(cloud.tokens[last]), float(cloud.ttft_ms[last])
    n, said = f"n = {len(cloud.tokens):,}", ""
    if cloud.line:
        y = float(cloud.line.at(cloud.tokens[[last]])[0])
        said = _in_words(cloud.line)
    elif len(cloud.tokens) >= FEWEST:
        said = "no clear slope"
    lines = [cloud.name, ": ".join(filter(None, (n, said)))] if cloud.name else [n, said]
    return EndLabel("\n".join(filter(None, lines)), x, y, line_style(number)[0])


def _in_words(line: StraightLine) -> str:
    """Say a line as what a token adds, and what there is without any.

    >>> _in_words(StraightLine(0.4213, 31.77))
    '31.8 + 0.421 ms/token'
    """
    return f"{figure(line.intercept)} + {figure(line.slope)} ms/token"


def _on_cache(responses: pd.DataFrame, known: NDArray[np.bool_]) -> str:
    """Say of how many responses it is not known what was cached."""
    reported = responses["cached_tokens"].notna().to_numpy() if "cached_tokens" in responses.columns else ~known & known
    unsaid = int((known & ~reported).sum())
    if not unsaid:
        return ""
    return f"cached tokens of {'all' if unsaid == known.sum() else f'{unsaid:,}'} unknown, taken as none"


def _finding(clouds: list[_Cloud]) -> str:
    """Say of one group what a token adds; of several what is shown."""
    if len(clouds) == 1 and (line := clouds[0].line):
        return f"Each uncached prompt token adds {figure(line.slope)} ms to the wait"
    return "The wait by uncached prompt tokens"
