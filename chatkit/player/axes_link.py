"""A cursor on a chart that goes where a player stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython.display import DisplayHandle

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.backend_bases import MouseEvent

    from chatkit.player.widget import Player

_MS_PER_S = 1000
_CURSOR = "#1769c0"


class AxesLink:
    """Joins a player and a chart over time in seconds, such as ``ck.plot_gaps`` draws of the same response.

    On an interactive canvas (``%matplotlib widget``, or a window) the cursor moves with the player, and a click
    on the chart moves the player. A static picture is drawn anew when the player rests: on pause, after a seek,
    at the end.

    Args:
        player: whose position is shown.
        ax: where.
        redraw: shows a static picture anew.
    """

    def __init__(self, player: Player, ax: Axes, redraw: Callable[[], object]) -> None:
        self.player = player
        self.ax = ax
        self.cursor = ax.axvline(player.position_ms / _MS_PER_S, color=_CURSOR, linewidth=1.2, zorder=5)
        self._is_interactive = is_interactive(ax)
        self._redraw = redraw
        self._clicks = ax.figure.canvas.mpl_connect("button_press_event", self._on_click)
        player.observe(self._follow, ["position_ms", "playing"])

    def close(self) -> None:
        """End it; the cursor goes."""
        self.player.unobserve(self._follow, ["position_ms", "playing"])
        self.ax.figure.canvas.mpl_disconnect(self._clicks)
        self.cursor.remove()

    def _follow(self, _: object) -> None:
        at_s = self.player.position_ms / _MS_PER_S
        if self._is_interactive:
            self.cursor.set_xdata([at_s, at_s])
            self.ax.figure.canvas.draw_idle()
        elif not self.player.playing and self.cursor.get_xdata() != [at_s, at_s]:
            self.cursor.set_xdata([at_s, at_s])
            self._redraw()

    def _on_click(self, event: MouseEvent) -> None:
        if event.inaxes is self.ax and event.xdata is not None:
            self.player.seek(max(0.0, event.xdata) * _MS_PER_S)


def link(player: Player, ax: Axes) -> AxesLink:
    """Join a player and a chart; a static chart is shown here and now, so that it can be shown anew later."""
    figure: Any = ax.figure
    if is_interactive(ax):
        return AxesLink(player, ax, figure.canvas.draw_idle)
    import matplotlib.pyplot as plt  # noqa: PLC0415 - a player without a chart is loaded without it

    shown: Any = DisplayHandle()  # type: ignore[no-untyped-call]
    made = AxesLink(player, ax, lambda: shown.update(figure))
    plt.close(figure)  # else the notebook would show it once more, at the end of the cell
    shown.display(figure)
    return made


def is_interactive(ax: Axes) -> bool:
    """Whether the chart's canvas shows changes by itself and hears clicks: a widget or a window."""
    canvas: Any = ax.figure.canvas
    return isinstance(canvas, ipywidgets.DOMWidget) or canvas.required_interactive_framework is not None
