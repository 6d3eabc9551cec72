"""What is written over a stall: how long it was, and the text that it interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatkit.charts.lettering import drawable, width_pt
from chatkit.charts.palette import STALL
from chatkit.charts.style import TEXT_PT, size_pt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_ROWS = 2
_LINE_PT = 1.25 * TEXT_PT
_SIDE = 14
"""Characters of text on each side: enough to find the place, few enough for several notes in a row."""


class StallNote(NamedTuple):
    """A note, and the point (in data) where its stall ended: the top of its stem."""

    text: str
    x: float
    y: float


def note_text(stall: pd.Series, *, text: bool) -> str:
    """Return the note of one row of ``stalls``; without ``text`` it holds no word of the response."""
    length = f"{stall['gap_ms']:,.0f} ms"
    if not text or not isinstance(stall["before"], str):
        return length
    before, after = drawable(stall["before"]).strip(), drawable(stall["after"]).strip()
    return f"{length}\n“{_last_words(before)} | {_last_words(after[::-1])[::-1]}”"


def _last_words(text: str) -> str:
    """Return the end of a text, from the beginning of a word where it has spaces."""
    if len(text) <= _SIDE:
        return text
    end = text[-_SIDE:]
    return "…" + (end if text[-_SIDE - 1] == " " else end.partition(" ")[2] or end)


def write_notes(ax: Axes, notes: Sequence[StallNote], column: float) -> int:
    """Write the notes over the data in up to two rows, the longest stalls first; return how many fit.

    None reaches into the column (from there to 1) that is reserved for what is named at the right.

    To be called with the final x limits and a y axis whose upper limit is that of the data: the axis is
    made higher by the rows.
    """
    width, height = size_pt(ax)
    lines = max((1 + note.text.count("\n") for note in notes), default=1)
    placed = _in_rows(ax, notes, width, column, _rows_that_fit(height, lines))
    if not placed:
        return 0
    tall = lines * _LINE_PT + 4
    rows = 1 + max(row for _, row, _ in placed)
    _raise_ceiling(ax, (rows * tall + 6) / height)
    for note, row, centre in placed:
        ax.annotate(
            note.text,
            (note.x, note.y),
            (centre, 1 - (row * tall + 2) / height),
            textcoords="axes fraction",
            color=STALL,
            fontsize=TEXT_PT,
            ha="center",
            va="top",
            linespacing=1.05,
            parse_math=False,
            annotation_clip=False,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "alpha": 0.75, "linewidth": 0},
            arrowprops={"arrowstyle": "-", "color": STALL, "lw": 0.7, "alpha": 0.7, "shrinkA": 0, "shrinkB": 1},
        ).set_gid("stall note")
    return len(placed)


def _rows_that_fit(height: float, lines: int) -> int:
    """Return how many rows of notes leave the data more than half of the axes."""
    return max(1, min(_ROWS, int(0.45 * height / (lines * _LINE_PT + 4))))


def _in_rows(
    ax: Axes, notes: Sequence[StallNote], width: float, column: float, rows: int
) -> list[tuple[StallNote, int, float]]:
    """Place each note in the first row with room near its stall: (note, row, centre from 0 to 1)."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    placed = []
    for note in sorted(notes, key=lambda note: -note.y):
        half = (width_pt(note.text, TEXT_PT) + 8) / 2 / width
        if 2 * half > column:
            continue
        at = ax.transAxes.inverted().transform(ax.transData.transform((note.x, note.y)))[0]
        centre = float(min(max(at, half), column - half))
        for row, spans in enumerate(taken):
            if all(centre + half <= low or centre - half >= high for low, high in spans):
                spans.append((centre - half, centre + half))
                placed.append((note, row, centre))
                break
    return placed


def _raise_ceiling(ax: Axes, share: float) -> None:
    """Make the y axis (of any scale) so much higher that the top ``share`` of it is empty."""
    to_line = ax.yaxis.get_transform()
    low, high = to_line.transform(ax.get_ylim())
    top = low + (high - low) / (1 - share)
    ax.set_ylim(top=float(to_line.inverted().transform([top])[0]))
