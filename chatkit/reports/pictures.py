"""Charts as images inside a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from chatkit.charts import plot_arrival, plot_gaps

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

    from chatkit.reports.material import Material

_SIZE_IN = (9.0, 3.8)
_DPI = 144


def gap_picture(material: Material, *, text: bool) -> str | None:
    """Draw the gaps of the response with the longest; None where no response has two chunks."""
    longest = material.responses.dropna(subset=["gap_max_ms"]).nlargest(1, "gap_max_ms")
    if not len(longest):
        return None
    chunks = _chunks_of(material, longest["message_id"].tolist())
    return _image(lambda ax: plot_gaps(chunks, ax=ax, text=text))


def arrival_picture(material: Material) -> str | None:
    """Draw how the text of the highlights arrived, on one clock."""
    captions = {message.message_id: highlight.caption for highlight, message, _ in material.highlights}
    chunks = _chunks_of(material, list(captions))
    if not len(chunks):
        return None
    chunks["response"] = chunks["message_id"].astype("str").map(captions)
    return _image(lambda ax: plot_arrival(chunks, ax=ax, label="response"))


def _chunks_of(material: Material, message_ids: list[str]) -> pd.DataFrame:
    return material.chunks[material.chunks["message_id"].isin(message_ids)].copy()


def _image(draw: Callable[[Axes], Axes]) -> str:
    """Draw on a figure that pyplot does not know, and return it as a data URI."""
    figure = Figure(figsize=_SIZE_IN, layout="constrained")
    draw(figure.subplots())
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=_DPI)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode("ascii")
