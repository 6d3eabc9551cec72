"""The typewriter curve: how much had arrived, moment by moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from chatkit.charts.captions import how_many, left_out, left_out_of, response_names
from chatkit.charts.clock import Clock, timed
from chatkit.charts.end_labels import EndLabel, label_ends, reserve_column
from chatkit.charts.palette import STALL, line_style
from chatkit.charts.style import dressed, head, name_axes, say_nothing, styled
from chatkit.charts.thinning import last_of_each
from chatkit.metrics.arguments import require_one_of
from chatkit.metrics.arrivals import Arrivals
from chatkit.metrics.columns import require_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from chatkit.charts.palette import LineStyle

    Floats = NDArray[np.float64]


@styled
def plot_arrival(
    chunks: pd.DataFrame,
    ax: Axes | None = None,
    *,
    of: Literal["characters", "chunks"] = "characters",
    label: str | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how much of each response had arrived over time, all on one clock; stalls are the red levels.

    A dot marks the first chunk. Where there are more chunks than can be told apart, each small step in time
    ends where it did; a line that only rises loses nothing else by that.

    Args:
        chunks: ``message_id``, ``sequence``, ``gap_ms``, ``offset_ms`` and ``elapsed_ms``; ``n_chars``.
        ax: where to draw; by default on a new figure.
        of: what is counted: ``characters`` (of any kind, reasoning included), or ``chunks``.
        label: a column that names each response; those of one name share a colour, and the name is written
            once, with their number. By default the first 8 characters of ``message_id``.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: ``of`` is neither.
    """
    require_one_of(("characters", "chunks"), of=of)
    require_columns(chunks, [label] if label else [])
    known = timed(chunks)
    rows, ax = Arrivals.of(known), dressed(ax)
    clock = Clock.of(rows)
    names = response_names(rows, label)
    styles = {name: line_style(number) for number, name in enumerate(dict.fromkeys(names))}
    amount = _amounts(rows, of)
    _draw_curves(ax, rows, clock, amount, [styles[name] for name in names])
    _draw_stalls(ax, clock.seconds, amount, rows.ended_stall())
    ends: dict[str, EndLabel] = {}
    for name, last in zip(names, rows.bounds[1:] - 1, strict=True):
        end = EndLabel(name, float(clock.seconds[last]), float(amount[last]), styles[name][0])
        ends[name] = max(ends.get(name, end), end, key=lambda label: label.x)
    name_axes(ax, clock.label, f"{of} arrived")
    ax.set_xlim(0, clock.seconds.max(initial=0.001))
    ax.set_ylim(0, amount.max(initial=1) * 1.04)
    ax.yaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))
    times = Counter(names)
    labels = [
        end if times[name] == 1 else end._replace(text=f"{name}, n = {times[name]}") for name, end in ends.items()
    ]
    n_named = label_ends(ax, labels, reserve_column(ax, labels))
    caption = (
        how_many(rows),
        "dots mark the first chunk" if labels else "",
        left_out_of(len(labels), n_named, "named"),
        left_out(len(chunks) - len(known), "chunks without a time"),
    )
    if not labels:
        say_nothing(ax, "no chunk with a known time")
    head(ax, title or f"How the {of} arrived", caption)
    return ax


def _amounts(rows: Arrivals, of: str) -> Floats:
    """Return for each chunk how much of its response had arrived with it."""
    if of == "chunks":
        return np.arange(1.0, len(rows.frame) + 1) - rows.bounds[rows.numbers]
    n_chars = pd.Series(rows.ragged("n_chars").values)
    return np.asarray(n_chars.groupby(rows.numbers).cumsum(), dtype=np.float64)


def _draw_curves(ax: Axes, rows: Arrivals, clock: Clock, amount: Floats, styles: list[LineStyle]) -> None:
    """Draw the curves of each style as one line with breaks: 20,000 lines would take minutes."""
    of_style: dict[LineStyle, list[int]] = {}
    for number, style in enumerate(styles):
        of_style.setdefault(style, []).append(number)
    for (colour, dashes), numbers in of_style.items():
        bounds = zip(rows.bounds[numbers], rows.bounds[1:][numbers], strict=True)
        curves = [_curve(clock.seconds[start:stop], amount[start:stop], clock) for start, stop in bounds]
        x, y = np.concatenate(curves, axis=1)[:, :-1]
        ax.step(x, y, where="post", color=colour, linestyle=dashes, linewidth=1.6)
        first = rows.bounds[numbers]
        ax.plot(clock.seconds[first], amount[first], "o", color=colour, markersize=4)


def _curve(seconds: Floats, amount: Floats, clock: Clock) -> Floats:
    """Return one response's points, shape ``(2, n)``, and a break behind them."""
    kept = last_of_each(seconds)
    wait = [0.0] if clock.from_request else []  # it is part of the picture
    return np.array([[*wait, *seconds[kept], np.nan], [*wait, *amount[kept], np.nan]])


def _draw_stalls(ax: Axes, seconds: Floats, amount: Floats, stalled: NDArray[np.bool_]) -> None:
    """Draw the level at which the curve stood still, thicker than the curve."""
    at = np.flatnonzero(stalled)
    ax.hlines(amount[at - 1], seconds[at - 1], seconds[at], color=STALL, linewidth=3.2)
