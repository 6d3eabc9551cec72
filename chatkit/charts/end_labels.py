"""Names written beside what they name, at the right edge, so that none touches another or a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatkit.charts.lettering import shortened, width_pt
from chatkit.charts.style import TEXT_PT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_LINE_PT = 1.25 * TEXT_PT
_PAD_PT = 9.0
_WIDEST = 0.42
_LONGEST = 32
_SHRINK = 0.9
"""A layout engine that runs later leaves the axes a little smaller than they are now."""


class EndLabel(NamedTuple):
    """A name, its colour, and the point (in data) that it belongs to."""

    text: str
    x: float
    y: float
    colour: str


def reserve_column(ax: Axes, labels: Sequence[EndLabel]) -> float:
    """Make the x axis longer by a column wide enough, and return where that begins (0 to 1).

    To be called when the x limits are those of the data.
    """
    width = max((width_pt(_cut(label.text), TEXT_PT) for label in labels), default=0.0)
    share = min((width + 2 * _PAD_PT) / size_pt(ax)[0], _WIDEST) if labels else 0.0
    to_line = ax.xaxis.get_transform()  # of any scale: a logarithmic axis grows by a factor
    left, right = to_line.transform(ax.get_xlim())
    ax.set_xlim(right=float(to_line.inverted().transform([left + (right - left) / (1 - share)])[0]))
    return 1 - share + _PAD_PT / size_pt(ax)[0]


def label_ends(ax: Axes, labels: Sequence[EndLabel], column: float) -> int:
    """Write the labels in a reserved column, in order of height, and return how many found room.

    To be called with the final limits. Where there are too many, those written are spread evenly over the
    heights.
    """
    ordered = sorted(labels, key=lambda label: _height(ax, label))
    lines = max((1 + label.text.count("\n") for label in labels), default=1)
    tall = _LINE_PT * lines / size_pt(ax)[1]
    kept = [ordered[number] for number in _evenly(len(ordered), max(1, int(1 / tall)))]
    heights = spread([_height(ax, label) for label in kept], tall)
    for label, height in zip(kept, heights, strict=True):
        _write(ax, label, (column, height))
    return len(kept)


def size_pt(ax: Axes) -> tuple[float, float]:
    """Return about how wide and high the axes will be, in points."""
    box = ax.get_window_extent()
    scale = _SHRINK * 72 / ax.figure.dpi
    return box.width * scale, box.height * scale


def spread(heights: Sequence[float], apart: float) -> list[float]:
    """Move ascending heights (0 to 1) so far that each is ``apart`` from the next, and all stay inside.

    >>> [round(height, 2) for height in spread([0.2, 0.5, 0.52, 0.98], 0.1)]
    [0.2, 0.5, 0.6, 0.95]
    """
    placed: list[float] = []
    floor = apart / 2
    for height in heights:
        placed.append(max(height, floor))
        floor = placed[-1] + apart
    ceiling = 1 - apart / 2
    for number in reversed(range(len(placed))):
        placed[number] = min(placed[number], ceiling)
        ceiling = placed[number] - apart
    return placed


def _cut(text: str) -> str:
    return "\n".join(shortened(line, _LONGEST) for line in text.split("\n"))


def _evenly(n: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers below ``n``, first and last among them."""
    if n <= most:
        return list(range(n))
    return [0] if most == 1 else [round(step * (n - 1) / (most - 1)) for step in range(most)]


def _height(ax: Axes, label: EndLabel) -> float:
    """Return where in the axes the label's point is, 0 at the bottom and 1 at the top."""
    x, y = ax.transData.transform((label.x, label.y))
    return float(ax.transAxes.inverted().transform((x, y))[1])


def _write(ax: Axes, label: EndLabel, place: tuple[float, float]) -> None:
    ax.annotate(
        _cut(label.text),
        (label.x, label.y),
        place,
        textcoords="axes fraction",
        color=label.colour,
        fontsize=TEXT_PT,
        va="center",
        linespacing=1.05,
        parse_math=False,
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "color": label.colour,
            "lw": 0.6,
            "alpha": 0.5,
            "relpos": (0, 0.5),
            "shrinkA": 1,
            "shrinkB": 2,
        },
    ).set_gid("end label")
