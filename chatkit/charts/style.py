"""The look that all pictures share, applied to one ``Axes`` and never to matplotlib as a whole."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
import matplotlib.pyplot as plt

from chatkit.charts.palette import FRAME, GRID, INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

_P = ParamSpec("_P")

TEXT_PT = 8.0
"""Size of the text inside a picture, in points."""

_STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.labelsize": 9.5,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.size": 9.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
_TITLE_PAD_PT, _CAPTION_PAD_PT = 23.0, 7.0


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
    return ax


def head(ax: Axes, title: str, caption: str) -> None:
    """Write what is shown above the axes, and beneath it how much, and what was left out."""
    ax.set_title(title, loc="left", pad=_TITLE_PAD_PT, parse_math=False)
    beneath = ax.annotate(
        caption,
        (0, 1),
        (0, _CAPTION_PAD_PT),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
        fontsize=TEXT_PT + 0.5,
        parse_math=False,
    )
    beneath.set_gid("caption")
    # The title keeps the room for it; a long caption must not make the axes narrower.
    beneath.set_in_layout(False)


def name_axes(ax: Axes, x: str, y: str) -> None:
    """Label both axes: what is measured, and its unit."""
    ax.set_xlabel(x, color=INK)
    ax.set_ylabel(y, color=INK)


def say_nothing(ax: Axes, why: str) -> None:
    """Write in the middle of empty axes why they are empty."""
    why = f"nothing to draw: {why}"
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", color=MUTED, parse_math=False).set_gid("nothing")
