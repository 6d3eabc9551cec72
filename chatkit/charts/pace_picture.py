"""The pace of a stream: how much came in each second, moment by moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from chatkit.charts.captions import LONGEST, how_many, left_out, left_out_of, response_names
from chatkit.charts.clock import Clock, timed
from chatkit.charts.end_labels import EndLabel, label_ends, reserve_column
from chatkit.charts.lettering import figure, told_apart
from chatkit.charts.palette import SERIES, line_style
from chatkit.charts.style import dressed, head, name_axes, say_nothing, styled
from chatkit.metrics.arguments import require_one_of
from chatkit.metrics.arrivals import Arrivals
from chatkit.metrics.columns import numbers_of, require_columns

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from chatkit.charts.palette import LineStyle

    Floats = NDArray[np.float64]

_BINS = 60
_GAPS = 4
"""Median gaps that a bin is at least, so that a pace is not that of single chunks."""


class _Pace(NamedTuple):
    """How much the responses of one name brought in each bin, and how long they streamed in it."""

    name: str
    n: int
    amount: Floats
    streamed_s: Floats

    @property
    def per_s(self) -> Floats:
        """Amount per second of streaming; NaN in bins in which none streamed."""
        none = np.full(len(self.amount), np.nan)
        per_s: Floats = np.divide(self.amount, self.streamed_s, out=none, where=self.streamed_s > 0)
        return per_s

    @property
    def mean_per_s(self) -> float:
        """Everything over all the time it took."""
        return float(self.amount.sum() / self.streamed_s.sum())


@styled
def plot_pace(
    chunks: pd.DataFrame,
    ax: Axes | None = None,
    *,
    of: Literal["chunks", "characters", "tokens"] = "chunks",
    responses: pd.DataFrame | None = None,
    label: str | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how much each response brought per second, in bins of time, from its first chunk to its last.

    What a chunk holds counts evenly over the gap before it: in a stall the pace is close to 0, and several chunks
    of one read make no spike. Responses of one name are one line: what they brought in a bin, over the time that
    they streamed in it, summed (so it is the pace of one of them, not of all together).

    Args:
        chunks: ``message_id``, ``sequence``, ``offset_ms`` and ``elapsed_ms``; ``n_chars`` for characters.
        ax: where to draw; by default on a new figure.
        of: what is counted. ``tokens`` are the reported ones, spread evenly over a response's chunks.
        responses: needed for tokens: ``message_id``, ``chunks_per_token``, ``tpot_ms``. Responses whose tokens are
            not known, or not all in the stream (``tpot_ms`` is unknown then), are left out, and counted.
        label: a column that names each response. By default each is its own line, up to 6; more are one line.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
        ValueError: tokens are asked for without ``responses``, or ``of`` is none of the three.
    """
    require_one_of(("chunks", "characters", "tokens"), of=of)
    require_columns(chunks, [label] if label else [])
    known = timed(chunks)
    rows, ax = Arrivals.of(known), dressed(ax)
    clock = Clock.of(rows)
    amount = _amounts(rows, of, responses)
    edges = _edges(rows, clock.seconds)
    names = response_names(rows, label) if label or len(rows) <= SERIES else [""] * len(rows)
    of_name: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        of_name.setdefault(name, []).append(number)
    every = [_pace(rows, clock.seconds, amount, edges, *named) for named in of_name.items()]
    paces = [pace for pace in every if pace.streamed_s.any()]
    name_axes(ax, clock.label, f"{of} per second")
    ax.set_xlim(0, edges[-1])
    ax.set_ylim(0, max((float(np.nanmax(pace.per_s)) for pace in paces), default=1.0) * 1.06)
    for number, pace in enumerate(paces):
        _draw(ax, edges, pace.per_s, line_style(number))
    shown = told_apart([pace.name for pace in paces], LONGEST)
    labels = [
        _label(pace, name, edges, of, number) for number, (pace, name) in enumerate(zip(paces, shown, strict=True))
    ]
    n_named = label_ends(ax, labels, reserve_column(ax, labels))
    n_out = len(rows) - sum(pace.n for pace in paces)
    caption = (
        how_many(rows),
        f"bins of {_width_text(float(edges[1]))}" if paces else "",
        left_out(n_out, "of unknown tokens" if of == "tokens" else "of a single moment"),
        left_out_of(len(labels), n_named, "named"),
        left_out(len(chunks) - len(known), "chunks without a time"),
    )
    if not paces:
        say_nothing(ax, "no response with two chunks or more" + (" and known tokens" if of == "tokens" else ""))
    head(ax, title or f"How fast the {of} came", caption)
    return ax


def _amounts(rows: Arrivals, of: str, responses: pd.DataFrame | None) -> Floats:
    """Return what each chunk holds of what is counted; NaN where that is not known."""
    if of == "chunks":
        return np.ones(len(rows.frame))
    if of == "characters":
        require_columns(rows.frame, ["n_chars"])
        return numbers_of(rows.frame, "n_chars")
    if responses is None:
        raise ValueError("of='tokens' needs responses=: their usage says how many there were")
    require_columns(responses, ["message_id", "chunks_per_token", "tpot_ms"])
    known = responses[responses["tpot_ms"].notna()]
    per_chunk = 1 / known["chunks_per_token"].astype("float64")
    per_chunk.index = known["message_id"].astype("object")
    tokens = per_chunk.reindex(rows.message_ids.astype("object")).to_numpy(np.float64)
    return np.asarray(tokens[rows.numbers], dtype=np.float64)


def _edges(rows: Arrivals, seconds: Floats) -> Floats:
    """Return the bounds of bins of one round width: about 60 over the longest response, none of a few gaps."""
    end = float(seconds.max(initial=0.0))
    between = np.diff(seconds)[np.diff(rows.numbers) == 0]
    least = max(end / _BINS, _GAPS * float(np.median(between)) if len(between) else 0.0, 1e-3)
    decade = 10.0 ** np.floor(np.log10(least))
    width = float(next(step * decade for step in (1, 2, 5, 10) if step * decade >= least * (1 - 1e-9)))
    return np.asarray(width * np.arange(max(int(np.ceil(end / width)), 1) + 1), dtype=np.float64)


def _pace(rows: Arrivals, seconds: Floats, amount: Floats, edges: Floats, name: str, numbers: list[int]) -> _Pace:
    """Add up the responses of one name; one whose amounts are not known, or that took no time, adds nothing."""
    pace = _Pace(name, 0, np.zeros(len(edges) - 1), np.zeros(len(edges) - 1))
    for number in numbers:
        own = slice(rows.bounds[number], rows.bounds[number + 1])
        at = np.maximum.accumulate(seconds[own])
        within = np.clip(edges, at[0], at[-1])
        if at[-1] == at[0] or np.isnan(amount[own]).any():
            continue
        came = np.interp(within, at, np.cumsum(amount[own]))
        pace = _Pace(name, pace.n + 1, pace.amount + np.diff(came), pace.streamed_s + np.diff(within))
    return pace


def _draw(ax: Axes, edges: Floats, per_s: Floats, style: LineStyle) -> None:
    colour, dashes = style
    ax.stairs(per_s, edges, baseline=None, color=colour, linestyle=dashes, linewidth=1.6)


def _label(pace: _Pace, name: str, edges: Floats, of: str, number: int) -> EndLabel:
    """Name a line at its end, with its mean."""
    last = int(np.flatnonzero(pace.streamed_s)[-1])
    n = f"n = {pace.n:,}" if pace.n > 1 else ""
    mean = f"mean {figure(pace.mean_per_s)} {of}/s"
    lines = [name, ", ".join(filter(None, (n, mean)))] if name else [n, mean]
    end = float(edges[last + 1]), float(pace.per_s[last])
    return EndLabel("\n".join(filter(None, lines)), *end, line_style(number)[0])


def _width_text(seconds: float) -> str:
    """Write how wide a bin is.

    >>> _width_text(0.2), _width_text(500.0)
    ('200 ms', '500 s')
    """
    return f"{figure(1000 * seconds)} ms" if seconds < 1 else f"{figure(seconds)} s"
