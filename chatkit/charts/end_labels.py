"""Names written beside what they name, at the right edge, so that none touches another or a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.ticker import Locator

from chatkit.charts.lettering import fitted, width_pt
from chatkit.charts.style import TEXT_PT, size_pt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_LINE_PT = 1.25 * TEXT_PT
_PAD_PT = 9.0
_WIDEST = 0.5
_LONGEST_PT = 150.0


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
    whole = size_pt(ax)[0]
    labels = _in_reach(ax, labels)
    texts = _with_room(labels, min(_WIDEST * whole - 2 * _PAD_PT, _LONGEST_PT))
    width = max((width_pt(text, TEXT_PT) for text in texts), default=0.0)
    share = min((width + 2 * _PAD_PT) / whole, _WIDEST) if labels else 0.0
    to_line = ax.xaxis.get_transform()  # of any scale: a logarithmic axis grows by a factor
    left, right = to_line.transform(ax.get_xlim())
    end_scale(ax)
    ax.set_xlim(right=float(to_line.inverted().transform([left + (right - left) / (1 - share)])[0]))
    return 1 - share + _PAD_PT / whole


def label_ends(ax: Axes, labels: Sequence[EndLabel], column: float) -> int:
    """Write the labels in a reserved column, in order of height, and return how many found room.

    To be called with the final limits. Where there are too many, those written are spread evenly over the
    heights.
    """
    labels = _in_reach(ax, labels)
    texts = _with_room(labels, (1 - column) * size_pt(ax)[0] - _PAD_PT + 1e-6)
    labels = [label._replace(text=text) for label, text in zip(labels, texts, strict=True)]
    ordered = sorted(labels, key=lambda label: _height(ax, label))
    lines = max((1 + label.text.count("\n") for label in labels), default=1)
    tall = _LINE_PT * lines / size_pt(ax)[1]
    kept = [ordered[number] for number in _evenly(len(ordered), max(1, int(1 / tall)))]
    heights = spread([_height(ax, label) for label in kept], tall)
    for label, height in zip(kept, heights, strict=True):
        _write(ax, label, (column, height))
    return len(kept)


def end_scale(ax: Axes) -> None:
    """Let ticks and grid end where the x axis ends now: beyond that it will be made longer for words."""
    end = ax.get_xlim()[1]
    ax.xaxis.set_major_locator(_Until(ax.xaxis.get_major_locator(), end))
    ax.xaxis.set_minor_locator(_Until(ax.xaxis.get_minor_locator(), end))


class _Until(Locator):
    """The ticks of another locator, up to an end."""

    def __init__(self, every: Locator, end: float) -> None:
        self._every = every
        self._end = end

    def set_axis(self, axis: Any) -> None:
        super().set_axis(axis)
        self._every.set_axis(axis)

    def __call__(self) -> list[float]:
        return self._kept(self._every())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        return self._kept(self._every.tick_values(vmin, vmax))

    def _kept(self, ticks: Sequence[float]) -> list[float]:
        return [tick for tick in ticks if tick <= self._end]


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


def _in_reach(ax: Axes, labels: Sequence[EndLabel]) -> list[EndLabel]:
    """Return those labels, by height, that would have room if each were one line: no other is measured."""
    ordered = sorted(labels, key=lambda label: label.y)
    return [ordered[number] for number in _evenly(len(ordered), max(1, int(size_pt(ax)[1] / _LINE_PT)))]


def _with_room(labels: Sequence[EndLabel], room_pt: float) -> list[str]:
    """Return the labels' texts: names shortened where they must be, what is said of them left out where it must be."""
    names = fitted([label.text.split("\n")[0] for label in labels], room_pt, TEXT_PT)
    said = [[line for line in label.text.split("\n")[1:] if width_pt(line, TEXT_PT) <= room_pt] for label in labels]
    return ["\n".join([name, *lines]) for name, lines in zip(names, said, strict=True)]


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
        label.text,
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
