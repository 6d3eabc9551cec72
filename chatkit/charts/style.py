"""The look that all pictures share, applied to one ``Axes`` and never to matplotlib as a whole."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt

from chatkit.charts.lettering import width_pt, wrapped
from chatkit.charts.palette import FRAME, GRID, INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

_P = ParamSpec("_P")

TEXT_PT = 8.0
"""Size of the text inside a picture, in points."""

_TITLE_PT, _LABEL_PT = 11.0, 9.5
_BOLD = 1.12
"""How much wider bold letters are."""
_CAPTION_PT = TEXT_PT + 0.5

_STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.facecolor": "white",
    "axes.labelsize": _LABEL_PT,
    "axes.titlecolor": INK,
    "axes.titlesize": _TITLE_PT,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.size": _LABEL_PT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
_TITLE_PAD_PT, _CAPTION_PAD_PT = 23.0, 7.0
_USUAL_PT = 30.0
"""Width of the names at the left of most axes; a figure has room for them."""
_USUAL_TITLE_PT, _USUAL_CAPTION_PT = 260.0, 240.0
"""How wide titles and captions are as a rule."""
_MOST_MORE = 2
_SHRINK = 0.9
"""A layout engine that runs later leaves the axes a little smaller than they are now."""


def styled(plot: Callable[_P, Axes]) -> Callable[_P, Axes]:
    """Run a plotting function in the shared style; matplotlib's own settings are as before afterwards.

    All but one: the first figure of a session loads the backend, and that of a notebook turns interactive mode
    on, without which no later figure would be shown.
    """

    @wraps(plot)
    def inside(*args: _P.args, **kwargs: _P.kwargs) -> Axes:
        with mpl.rc_context(_STYLE):
            ax = plot(*args, **kwargs)
            is_interactive = mpl.is_interactive()
        mpl.interactive(is_interactive)
        return ax

    return inside


def dressed(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure, without a box and with a quiet grid."""
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    ax.set_axisbelow(True)
    ax.grid(visible=True, color=GRID, linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FRAME)
    ax.tick_params(colors=MUTED, which="both")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.10g}")
    return ax


def size_pt(ax: Axes, names: Sequence[str] = ()) -> tuple[float, float]:
    """Return about how wide and high the axes will be, in points, with these names at their left."""
    box = ax.get_window_extent()
    scale = _SHRINK * 72 / ax.figure.dpi
    beside = max((width_pt(name, TEXT_PT) for name in names), default=0.0)
    width = max(box.width * scale - max(beside - _USUAL_PT, 0.0), 1.0)
    return width, max(box.height * scale - _more_above_pt(width / _SHRINK), _CAPTION_PT)


def _more_above_pt(room_pt: float) -> float:
    """Return about how much higher the words above narrow axes are, which break them into more lines."""
    usual = (_USUAL_TITLE_PT, 1.3 * _TITLE_PT), (_USUAL_CAPTION_PT, 1.3 * _CAPTION_PT)
    return sum(line_pt * min(int(width_pt / room_pt), _MOST_MORE) for width_pt, line_pt in usual)


def head(ax: Axes, title: str, caption: Iterable[str], names: Sequence[str] = (), legend_pt: float = 0.0) -> None:
    """Write what is shown above the axes, and beneath it how much, and what was left out; both broken into lines.

    Args:
        ax: where.
        title: what is shown.
        caption: facts; empty ones are left out.
        names: what stands at the left of the axes, which makes them narrower.
        legend_pt: how wide the legend at the right is; the caption stands above it where there is no room beside.
    """
    room = size_pt(ax, names)[0] / _SHRINK
    beneath = wrapped(list(filter(None, caption)), room, _CAPTION_PT, between=" · ")
    n_lines = 1 + beneath.count("\n")
    is_above = legend_pt and width_pt(beneath.split("\n")[-1], _CAPTION_PT) + legend_pt > room
    raised = 1.4 * _CAPTION_PT * bool(is_above)
    pad = _TITLE_PAD_PT + raised + 1.3 * _CAPTION_PT * (n_lines - 1)
    ax.set_title(wrapped(title.split(" "), room / _BOLD, _TITLE_PT), loc="left", pad=pad, parse_math=False)
    text = ax.annotate(
        beneath,
        (0, 1),
        (0, _CAPTION_PAD_PT + raised),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
        fontsize=_CAPTION_PT,
        linespacing=1.1,
        parse_math=False,
    )
    text.set_gid("caption")
    # The title keeps the room for it; a long caption must not make the axes narrower.
    text.set_in_layout(False)


def name_axes(ax: Axes, x: str, y: str) -> None:
    """Label both axes: what is measured, and its unit."""
    ax.set_xlabel(x, color=INK)
    ax.set_ylabel(y, color=INK)


def say_nothing(ax: Axes, why: str) -> None:
    """Write in the middle of empty axes why they are empty; there is no scale without anything on it."""
    text = wrapped(f"nothing to draw: {why}".split(" "), size_pt(ax)[0] / _SHRINK, _LABEL_PT)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED, parse_math=False).set_gid(
        "nothing"
    )
    ax.grid(visible=False)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
