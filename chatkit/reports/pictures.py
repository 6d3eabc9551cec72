"""Charts as images inside a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from chatkit.charts import plot_arrival, plot_compare, plot_gaps, plot_timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

    from chatkit.reports.material import Material

_SIZE_IN = (9.0, 3.8)
_PER_ROW_IN, _HIGHEST_IN = 0.19, 9.0
"""A comparison of many groups is higher, so that each has room for its name; a page holds it."""
_DPI = 144
_MOST_BARS = 20


def gap_picture(material: Material, *, text: bool) -> str | None:
    """Draw the gaps of the response with the longest; None where no response has two chunks."""
    longest = material.responses.dropna(subset=["gap_max_ms"]).nlargest(1, "gap_max_ms")
    if not len(longest):
        return None
    chunks = _chunks_of(material, longest["message_id"].tolist())
    return _image(lambda ax: plot_gaps(chunks, ax=ax, text=text))


def arrival_picture(material: Material) -> str | None:
    """Draw how the text of the highlights arrived, on one clock."""
    captions = {played.message.message_id: played.highlight.caption for played in material.played}
    chunks = _chunks_of(material, list(captions))
    if not len(chunks):
        return None
    chunks["response"] = chunks["message_id"].astype("str").map(captions)
    return _image(lambda ax: plot_arrival(chunks, ax=ax, label="response"))


def timeline_picture(material: Material) -> str | None:
    """Draw the responses that were in flight beside the one with the longest gap; None where it was alone."""
    longest = material.responses.dropna(subset=["gap_max_ms", "started_at"]).nlargest(1, "gap_max_ms")
    if not len(longest):
        return None
    start, end = longest["started_at"].iloc[0], longest["completed_at"].fillna(longest["started_at"]).iloc[0]
    responses = material.responses.drop_duplicates("message_id")  # two stores may hold the same one
    beside = responses[(responses["started_at"] <= end) & (responses["completed_at"] >= start)]
    if len(beside) < 2:
        return None
    beside = beside.nsmallest(_MOST_BARS, "started_at")
    chunks = _chunks_of(material, beside["message_id"].tolist())
    return _image(lambda ax: plot_timeline(beside, chunks, ax=ax))


def comparison_picture(comparison: pd.DataFrame | None) -> str | None:
    """Draw how far the groups are from the first; None where there is nothing to compare."""
    if comparison is None:
        return None
    height_in = min(max(_SIZE_IN[1], _PER_ROW_IN * len(comparison) + 1), _HIGHEST_IN)
    return _image(lambda ax: plot_compare(comparison, ax=ax), height_in)


def _chunks_of(material: Material, message_ids: list[str]) -> pd.DataFrame:
    return material.chunks[material.chunks["message_id"].isin(message_ids)].copy()


def _image(draw: Callable[[Axes], Axes], height_in: float = _SIZE_IN[1]) -> str:
    """Draw on a figure that pyplot does not know, and return it as a data URI."""
    figure = Figure(figsize=(_SIZE_IN[0], height_in), layout="constrained")
    draw(figure.subplots())
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=_DPI)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")
