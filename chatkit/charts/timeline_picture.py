"""Responses side by side: when each waited, streamed and stalled, and how many were in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.charts.captions import counted, short_id
from chatkit.charts.colour_names import name_colours
from chatkit.charts.lettering import shortened
from chatkit.charts.palette import FLOW, INK, STALL, WAIT
from chatkit.charts.style import TEXT_PT, dressed, head, name_axes, styled
from chatkit.metrics.columns import numbers_of, require_columns
from chatkit.metrics.in_flight import flight_spans_us
from chatkit.metrics.stall_table import stalls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BAR = 0.64
_MOST_NAMES = 40
_PHASES = ((WAIT, "waiting"), (FLOW, "streaming"), (STALL, "stalled"))
_LONGEST = 28


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
    rows = np.arange(n)
    ax.barh(rows, wait_s, left=sent_s, height=_BAR, color=WAIT)
    ax.barh(rows, stream_s, left=sent_s + wait_s, height=_BAR, color=FLOW)
    if chunks is not None:
        _draw_stalls(ax, known, chunks, sent_s + wait_s)
    names = [short_id(name) for name in known["message_id"]] if label is None else known[label].astype(str).tolist()
    most = _draw_in_flight(ax, sent_s, (ends_us - starts_us) / 1e6 + sent_s, n)
    _set_axes(ax, names, f"in flight\n(at most {most})")
    name_colours(ax, _PHASES if chunks is not None else _PHASES[:-1])
    n_unknown = int(known["ttft_ms"].isna().sum())
    caption = (
        counted(n, "response"),
        "" if chunks is not None else "stalls not shown",
        f"wait unknown for {n_unknown:,}" if n_unknown else "",
        "" if n <= _MOST_NAMES else "not named",
    )
    head(ax, title or f"{counted(n, 'response')}, at most {most} at once", " · ".join(filter(None, caption)))
    return ax


def _draw_stalls(ax: Axes, known: pd.DataFrame, chunks: pd.DataFrame, first_chunk_s: Floats) -> None:
    """Draw each stall where it was: its start is counted from the first chunk, which every source knows."""
    require_columns(chunks, ["elapsed_ms"])
    row_of = pd.Series(range(len(known)), index=known["message_id"].astype("object"))
    own = chunks[chunks["message_id"].isin(known["message_id"])]
    found = stalls(own)[["message_id", "sequence", "gap_ms"]].astype({"message_id": "object"})
    ended = own[["message_id", "sequence", "elapsed_ms"]].astype({"message_id": "object", "sequence": "Int64"})
    found = found.merge(ended, on=["message_id", "sequence"])
    row = row_of.loc[found["message_id"]].to_numpy(np.int64)
    left = first_chunk_s[row] + (found["elapsed_ms"] - found["gap_ms"]).to_numpy(np.float64) / 1000
    ax.barh(row, found["gap_ms"].to_numpy(np.float64) / 1000, left=left, height=_BAR + 0.12, color=STALL)


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


def _set_axes(ax: Axes, names: list[str], beneath: str) -> None:
    """Name the bars and what is beneath them."""
    n, ground = len(names), ax.get_ylim()[0]
    ticks = [(n + ground) / 2 - 0.1]
    texts = [beneath]
    ax.set_xlim(left=0)
    if n <= _MOST_NAMES:
        ticks, texts = [*range(n), *ticks], [*(shortened(name, _LONGEST) for name in names), *texts]
    ax.set_yticks(ticks, texts, fontsize=TEXT_PT, color=INK, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    name_axes(ax, "seconds since the first request", "")
