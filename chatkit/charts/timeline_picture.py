"""Responses side by side: when each waited, streamed and stalled, and how many were in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection

from chatkit.charts.captions import LONGEST, counted, short_id
from chatkit.charts.colour_names import name_colours
from chatkit.charts.lettering import fitted, told_apart
from chatkit.charts.palette import FLOW, INK, STALL, WAIT
from chatkit.charts.style import TEXT_PT, dressed, head, name_axes, say_nothing, size_pt, styled
from chatkit.metrics.columns import numbers_of, require_columns
from chatkit.metrics.in_flight import flight_spans_us
from chatkit.metrics.stall_table import stalls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BAR = 0.64
_EDGE_PT = 0.5
_ROW_PT = 0.95 * TEXT_PT
_NAMES_SHARE = 0.45
"""The part of the width that names may take."""
_PHASES = ((WAIT, "waiting"), (FLOW, "streaming"), (STALL, "stalled"))


@styled
def plot_timeline(
    responses: pd.DataFrame,
    chunks: pd.DataFrame | None = None,
    ax: Axes | None = None,
    *,
    label: str | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one bar per response on one clock: waiting grey, streaming blue, stalled red; in flight beneath.

    Args:
        responses: ``message_id``, ``started_at``, ``completed_at``, ``ttft_ms``, ``streaming_ms``.
        chunks: their chunks, which say where each stall was; without them none is drawn, and the caption
            says so.
        ax: where to draw; by default on a new figure.
        label: a column that names each response; by default the first 8 characters of ``message_id``.
        title: what to write above.

    Returns:
        The axes; nothing is shown.

    Raises:
        KeyError: a column is missing.
    """
    needed = ["message_id", "started_at", "completed_at", "ttft_ms", "streaming_ms", *([label] if label else [])]
    require_columns(responses, needed)
    known = responses[responses["started_at"].notna()].sort_values("started_at", kind="stable")
    ax, n = dressed(ax), len(known)
    starts_us, ends_us = flight_spans_us(known)
    sent_s = (starts_us - starts_us.min(initial=np.inf)) / 1e6
    wait_s = np.nan_to_num(numbers_of(known, "ttft_ms")) / 1000
    stream_s = np.nan_to_num(numbers_of(known, "streaming_ms")) / 1000
    rows = np.arange(n, dtype=np.int64)
    _draw_bars(ax, rows, wait_s, sent_s, WAIT)
    _draw_bars(ax, rows, stream_s, sent_s + wait_s, FLOW)
    if chunks is not None:
        _draw_stalls(ax, known, chunks, sent_s + wait_s)
    names = _names(ax, known, label)
    most = _draw_in_flight(ax, sent_s, (ends_us - starts_us) / 1e6 + sent_s, n)
    _set_axes(ax, names, n, f"in flight\n(at most {most})")
    legend_pt = name_colours(ax, _PHASES if chunks is not None else _PHASES[:-1]) if n else 0.0
    n_unknown = int(known["ttft_ms"].isna().sum())
    caption = (
        counted(n, "response"),
        "" if chunks is not None else "stalls not shown",
        f"wait unknown for {n_unknown:,}" if n_unknown else "",
        "" if len(names) == n else "not named",
    )
    if not n:
        say_nothing(ax, "no response with a known start")
    head(ax, title or _finding(n, most), caption, names, legend_pt)
    return ax


def _names(ax: Axes, known: pd.DataFrame, label: str | None) -> list[str]:
    """Return what the bars are called; nothing where there are more than have room."""
    if len(known) > size_pt(ax)[1] / (1.2 * _ROW_PT):
        return []
    if label is None:
        return [short_id(name) for name in known["message_id"]]
    named = ["unknown" if pd.isna(name) else str(name) for name in known[label]]
    return fitted(told_apart(named, LONGEST), _NAMES_SHARE * size_pt(ax)[0], TEXT_PT)


def _finding(n: int, most: int) -> str:
    return f"{counted(n, 'response')}, at most {most} at once" if n else "No responses"


def _draw_stalls(ax: Axes, known: pd.DataFrame, chunks: pd.DataFrame, first_chunk_s: Floats) -> None:
    """Draw each stall where it was: its start is counted from the first chunk, which every source knows."""
    require_columns(chunks, ["elapsed_ms"])
    row_of = pd.Series(range(len(known)), index=known["message_id"].astype("object"))
    own = chunks[chunks["message_id"].isin(known["message_id"])]
    found = stalls(own)[["message_id", "sequence", "gap_ms"]].astype({"message_id": "object"})
    ended = own[["message_id", "sequence", "elapsed_ms"]].astype({"message_id": "object", "sequence": "Int64"})
    found = found.merge(ended, on=["message_id", "sequence"])
    row = np.asarray(row_of.loc[found["message_id"]], dtype=np.int64)
    left = first_chunk_s[row] + (found["elapsed_ms"] - found["gap_ms"]).to_numpy(np.float64) / 1000
    _draw_bars(ax, row, found["gap_ms"].to_numpy(np.float64) / 1000, left, STALL, height=_BAR + 0.12)


def _draw_bars(
    ax: Axes, rows: NDArray[np.int64], widths: Floats, left: Floats, colour: str, height: float = _BAR
) -> None:
    """Draw bars with an edge of their own colour: one of a second is seen on an axis of hours."""
    if not len(rows):
        return
    low, high, right = rows - height / 2, rows + height / 2, left + widths
    corners = np.array([[left, low], [right, low], [right, high], [left, high]])  # (corner, x and y, bar)
    edges = np.where(widths > 0, _EDGE_PT, 0.0)
    # One collection: as patches of their own, 20,000 bars would take minutes.
    bars = PolyCollection([*corners.transpose(2, 0, 1)], facecolors=colour, edgecolors=colour, linewidths=edges)
    bars.set_gid("bars")
    ax.add_collection(bars)


def _draw_in_flight(ax: Axes, starts_s: Floats, ends_s: Floats, n: int) -> int:
    """Draw under the bars how many were in flight at each moment, and return the most there were."""
    is_known = ~np.isnan(ends_s)
    moments = np.concatenate((starts_s[is_known], ends_s[is_known]))
    change = np.repeat([1, -1], is_known.sum())
    order = np.lexsort((change, moments))  # one that ends as another begins is not in flight with it
    number = np.cumsum(change[order])
    most = int(number.max(initial=0))
    height = max(1.2, 0.22 * n)
    ground = n + 0.2 + height
    if most:
        ax.fill_between(moments[order], ground - height * number / most, ground, step="post", color=WAIT, linewidth=0)
    ax.set_ylim(ground, -0.7)
    return most


def _set_axes(ax: Axes, names: list[str], n: int, beneath: str) -> None:
    """Name the bars and what is beneath them."""
    ground = ax.get_ylim()[0]
    ax.autoscale_view(scaley=False)
    ax.set_xlim(left=0)
    ticks = [*range(len(names)), (n + ground) / 2 - 0.1]
    ax.set_yticks(ticks, [*names, beneath], fontsize=TEXT_PT, color=INK, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    name_axes(ax, "seconds since the first request", "")
