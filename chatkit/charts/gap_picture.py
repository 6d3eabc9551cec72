"""Gaps over time: how even the stream was, and where it stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chatkit.charts.captions import counted, how_many, left_out, left_out_of, short_id
from chatkit.charts.clock import Clock, timed
from chatkit.charts.end_labels import EndLabel, label_ends, reserve_column
from chatkit.charts.gap_axis import set_gap_axis
from chatkit.charts.lettering import figure
from chatkit.charts.palette import FLOW, INK, SERIES, STALL, line_style
from chatkit.charts.stall_notes import StallNote, note_text, write_notes
from chatkit.charts.style import dressed, head, name_axes, say_nothing, size_pt, styled
from chatkit.charts.thinning import highest_and_lowest, one_of_each_spot
from chatkit.metrics.arrivals import Arrivals
from chatkit.metrics.stall_table import stalls
from chatkit.timing import Ragged, StallRule, stall_limits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]


_STEM_PT = 2.2
_MOST_NOTED = 200
"""Stalls among which those that get a note are chosen, the longest: far more than have room."""


@styled
def plot_gaps(
    chunks: pd.DataFrame,
    ax: Axes | None = None,
    *,
    text: bool = True,
    title: str | None = None,
    floor_ms: float = 250.0,
    factor: float = 5.0,
) -> Axes:
    """Draw the gap before each chunk over the time at which the chunk came, stalls in red.

    The gap axis is logarithmic; gaps of zero (chunks of one read) stand on a floor of their own, named 0.
    Of one response the gaps are stems, with their median and the limit past which one is a stall; of several
    they are points. Where there are more than can be told apart, the highest and lowest of each small step in
    time are drawn, of points one in each spot, and the caption says so; every stall is.

    Args:
        chunks: ``message_id``, ``sequence``, ``gap_ms``, ``offset_ms`` and ``elapsed_ms``; ``delta`` for the
            text around stalls. One response or several.
        ax: where to draw; by default on a new figure.
        text: whether notes at the stalls show the text around them; False shows no word of a response.
        title: what to write above; by default what the stalls took.
        floor_ms: no shorter gap is a stall.
        factor: how many times the median of the other gaps a stall is at least.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: ``floor_ms`` or ``factor`` is below 0.
    """
    known = timed(chunks)
    rows, ax = Arrivals.of(known), dressed(ax)
    clock, rule = Clock.of(rows), StallRule(floor_ms, factor)
    found = stalls(known, floor_ms=floor_ms, factor=factor)
    gap_ms = rows.gaps_ms().values  # noqa: PD011 - a Ragged's, not a Series'
    stalled = rows.ended_stall(rule)
    untimed = left_out(len(chunks) - len(known), "chunks without a time")
    name_axes(ax, clock.label, "gap (ms, log scale)")
    if np.isnan(gap_ms).all():
        say_nothing(ax, "no gap is known")
        head(ax, title or "No gaps", (how_many(rows), untimed))
        return ax
    limit_ms = _limit_ms(rows, rule)
    zero_ms = set_gap_axis(ax, gap_ms, up_to_ms=limit_ms)
    ax.set_xlim(0, clock.seconds.max(initial=0.001) * 1.01)
    plain = np.flatnonzero(~stalled & ~np.isnan(gap_ms))
    n_drawn = _draw_plain(ax, rows, clock, np.where(gap_ms > 0, gap_ms, zero_ms), plain)
    _draw_stalls(ax, clock.seconds[stalled], gap_ms[stalled], limit_ms)
    levels = _draw_levels(ax, rows, clock, gap_ms, limit_ms)
    column = reserve_column(ax, levels)
    longest = found.assign(end_s=clock.seconds[stalled]).nlargest(_MOST_NOTED, "gap_ms")
    notes = [StallNote(note_text(stall, text=text), stall["end_s"], stall["gap_ms"]) for _, stall in longest.iterrows()]
    n_noted = write_notes(ax, notes, column)
    label_ends(ax, levels, column)
    thinned = left_out_of(len(plain), n_drawn, "gaps drawn"), left_out_of(len(found), n_noted, "stalls named")
    head(ax, title or _finding(rows, clock, found), (how_many(rows), *thinned, untimed))
    return ax


def _limit_ms(rows: Arrivals, rule: StallRule) -> float:
    """Return the usual limit past which a gap is a stall; of several responses, the lowest there can be."""
    every = rows.gaps_ms()
    limits = stall_limits(every.where(~np.isnan(every.values)), rule)
    return float(np.median(limits)) if len(rows) == 1 and len(limits) else rule.floor_ms


def _draw_plain(ax: Axes, rows: Arrivals, clock: Clock, heights: Floats, plain: Places) -> int:
    """Draw the gaps that are no stalls: stems of one response, points of several; return how many."""
    if len(rows) == 1:
        kept = plain[highest_and_lowest(clock.seconds[plain], heights[plain])]
        ax.vlines(clock.seconds[kept], ax.get_ylim()[0], heights[kept], color=FLOW, linewidth=0.9, alpha=0.75)
        return len(kept)
    drawn = 0
    for colour, own in _clouds(rows, plain):
        kept = own[one_of_each_spot(clock.seconds[own], np.log(heights[own]))]
        ax.plot(clock.seconds[kept], heights[kept], "o", color=colour, markersize=2.2, alpha=0.55, markeredgewidth=0)
        drawn += len(kept)
    return drawn


def _clouds(rows: Arrivals, plain: Places) -> list[tuple[str, Places]]:
    """Return points by colour: one for each response, or for all where there are more than can be named."""
    if len(rows) > SERIES:
        return [(FLOW, plain)]
    return [(line_style(number)[0], plain[rows.numbers[plain] == number]) for number in range(len(rows))]


def _draw_stalls(ax: Axes, ends_s: Floats, gap_ms: Floats, limit_ms: float) -> None:
    """Draw each stall as a red stem at its end, and the time that stalls took as a red ground.

    Where there are so many that the stems would hide everything else, they are thin and begin at the limit.
    """
    spans = [(start, end - start) for start, end in _merged(ends_s - gap_ms / 1000, ends_s)]
    ax.broken_barh(spans, (0, 1), transform=ax.get_xaxis_transform(), color=STALL, alpha=0.12, linewidth=0)
    room_pt = size_pt(ax)[0] / max(len(ends_s), 1)
    is_crowded = room_pt < 2 * _STEM_PT
    width, low = (max(room_pt / 2, 0.4), limit_ms) if is_crowded else (_STEM_PT, ax.get_ylim()[0])
    ax.vlines(ends_s, np.minimum(low, gap_ms), gap_ms, color=STALL, linewidth=width)


def _merged(starts: Floats, ends: Floats) -> list[tuple[float, float]]:
    """Join spans that touch or overlap, so that a ground is no darker where two responses stalled.

    Spans within a microsecond of each other touch: times are stored in whole ones.
    """
    merged: list[tuple[float, float]] = []
    for start, end in sorted(zip(starts.tolist(), ends.tolist(), strict=True)):
        if merged and start <= merged[-1][1] + 1e-6:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _draw_levels(ax: Axes, rows: Arrivals, clock: Clock, gap_ms: Floats, limit_ms: float) -> list[EndLabel]:
    """Draw the limit past which a gap is a stall, and name it and the median gaps."""
    end = float(clock.seconds.max(initial=0.0))
    limit = "stall limit" if len(rows) == 1 else "stall limit,\nat least"
    levels = [EndLabel(f"{limit}\n{limit_ms:,.0f} ms", end, limit_ms, STALL)]
    ax.hlines(limit_ms, 0, end, color=STALL, linewidth=0.8, linestyle=(0, (4, 3)))
    medians = Ragged(gap_ms, rows.bounds).where(~np.isnan(gap_ms)).percentile(50)
    if len(rows) == 1 and medians[0] > 0:
        ax.hlines(medians[0], 0, end, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
        levels.append(EndLabel(f"median\n{figure(medians[0])} ms", end, medians[0], INK))
    elif 1 < len(rows) <= SERIES:
        levels += [
            EndLabel(f"{short_id(name)}\nmedian {figure(at)} ms", end, at, line_style(number)[0])
            for number, (name, at) in enumerate(zip(rows.message_ids, medians, strict=True))
            if at > 0
        ]
    return levels


def _finding(rows: Arrivals, clock: Clock, found: pd.DataFrame) -> str:
    """Say in one line what the stalls took."""
    if found.empty:
        return "No stalls" if len(rows) == 1 else f"No stalls in {len(rows):,} responses"
    stalled, took_s = counted(len(found), "stall"), f"{found['gap_ms'].sum() / 1000:,.1f}"
    if len(rows) == 1:
        return f"{stalled} took {took_s} of {clock.seconds.max():,.1f} seconds"
    return f"{stalled} in {found['message_id'].nunique():,} of {len(rows):,} responses took {took_s} seconds"
