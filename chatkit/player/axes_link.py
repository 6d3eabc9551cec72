"""A cursor on a chart that goes where a player stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from chatkit.player.picture import TimePicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import MouseEvent

    from chatkit.player.widget import Player

_MS_PER_S = 1000
_CURSOR = "#1769c0"


class AxesLink:
    """Joins a player and a chart on an interactive canvas (``%matplotlib widget``, or a window).

    The cursor moves with the player, ten times a second, and a click on the chart moves the player.

    Args:
        player: whose position is shown.
        ax: where; over time in seconds, such as ``ck.plot_gaps`` draws of the same response.
    """

    def __init__(self, player: Player, ax: Axes) -> None:
        self.player = player
        self.ax = ax
        self.cursor = ax.axvline(player.position_ms / _MS_PER_S, color=_CURSOR, linewidth=1.2, zorder=5)
        self._clicks = ax.figure.canvas.mpl_connect("button_press_event", self._on_click)
        player.observe(self._follow, "position_ms")

    def close(self) -> None:
        """End it; the cursor goes."""
        self.player.unobserve(self._follow, "position_ms")
        self.ax.figure.canvas.mpl_disconnect(self._clicks)
        self.cursor.remove()

    def _follow(self, _: object) -> None:
        at_s = self.player.position_ms / _MS_PER_S
        self.cursor.set_xdata([at_s, at_s])
        self.ax.figure.canvas.draw_idle()

    def _on_click(self, event: MouseEvent) -> None:
        if event.inaxes is self.ax and event.xdata is not None:
            self.player.seek(max(0.0, event.xdata) * _MS_PER_S)


def link(player: Player, ax: Axes) -> AxesLink | TimePicture:
    """Join a player and a chart; a chart on a static canvas is shown here and now, as a picture with a cursor."""
    if is_interactive(ax):
        return AxesLink(player, ax)
    import matplotlib.pyplot as plt  # noqa: PLC0415 - a player without a chart is loaded without it
    from IPython.display import display  # noqa: PLC0415 - only for this

    picture = TimePicture(player, ax)
    figure: Any = ax.figure
    plt.close(figure)  # else the notebook would show it once more, at the end of the cell
    display(picture)  # type: ignore[no-untyped-call]
    return picture


def is_interactive(ax: Axes) -> bool:
    """Whether the chart's canvas shows changes by itself and hears clicks: a widget or a window."""
    canvas: Any = ax.figure.canvas
    return isinstance(canvas, ipywidgets.DOMWidget) or canvas.required_interactive_framework is not None
