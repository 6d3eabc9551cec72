"""The responses that a report plays: a typical one, the slowest start, the worst stall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from chatkit.models.summary import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
_COLUMNS = [
    "message_id", "context_id", "ttft_ms", "streaming_ms", "gap_max_ms", "gap_p50_ms", "n_stalls",
]  # fmt: skip


class Highlight(NamedTuple):
    """One response worth playing, and why."""

    caption: str
    why: str
    message_id: str
    context_id: str | None


def highlights(responses: pd.DataFrame) -> list[Highlight]:
    """Choose up to three different responses that have chunks.

    The typical one starts (where no request's time is known: streams) as long as the median does.
    """
    shown = responses[responses["n_chunks"] > 0]
    wait = "ttft_ms" if shown["ttft_ms"].notna().any() else "streaming_ms"
    middle_ms = float(shown[wait].median())
    left: list[Row] = [dict(zip(_COLUMNS, row, strict=True)) for row in shown[_COLUMNS].itertuples(index=False)]
    chosen: list[Highlight] = []
    for choose in (lambda rows: _typical(rows, wait, middle_ms), lambda rows: _slowest(rows, wait), _worst_stall):
        if left:
            chosen.append(choose(left))
            left = [row for row in left if row["message_id"] != chosen[-1].message_id]
    return chosen


def _typical(rows: list[Row], wait: str, middle_ms: float) -> Highlight:
    row = _most(rows, lambda row: -abs(row[wait] - middle_ms))
    why = f"{_WAITS[wait]} {duration_text(row[wait])}; the median of all is {duration_text(middle_ms)}"
    return _highlight("A typical response", why, row)


def _slowest(rows: list[Row], wait: str) -> Highlight:
    row = _most(rows, lambda row: row[wait])
    caption = "The slowest start" if wait == "ttft_ms" else "The longest stream"
    return _highlight(caption, f"{_WAITS[wait]} {duration_text(row[wait])}", row)


def _worst_stall(rows: list[Row]) -> Highlight:
    row = _most(rows, lambda row: row["gap_max_ms"])
    is_stall = bool(pd.notna(row["n_stalls"]) and row["n_stalls"] > 0)
    why = f"longest gap {duration_text(row['gap_max_ms'])}, typical gap {duration_text(row['gap_p50_ms'])}"
    return _highlight("The worst stall" if is_stall else "The longest gap", why, row)


_WAITS = {"ttft_ms": "first token after", "streaming_ms": "streamed for"}


def _most(rows: list[Row], figure: Callable[[Row], float]) -> Row:
    """Return the row with the highest figure; the first where none is known."""
    known = [row for row in rows if not pd.isna(figure(row))]
    return max(known, key=figure) if known else rows[0]


def _highlight(caption: str, why: str, row: Row) -> Highlight:
    context_id = row["context_id"]
    return Highlight(caption, why, row["message_id"], context_id if isinstance(context_id, str) else None)
