"""A chart as a picture, with a cursor in the browser that goes with a player."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets import Widget, widget_serialization

from chatkit.web import picture_module

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MS_PER_S = 1000
_SHARPNESS = 2
"""Dots of the picture for each dot of the page, for screens that have so many."""
_PX_PER_INCH = 96


class TimePicture(anywidget.AnyWidget):
    """A chart over time in seconds whose cursor stands where a player stands; a click on it moves the player.

    Chart and player meet in the browser, so the cursor moves while the kernel is busy, or gone. Where no widget is
    shown (a page made by nbconvert, a viewer of notebooks) the chart is a plain picture.

    Args:
        player: the widget whose ``position_ms`` is shown.
        ax: what is drawn; its figure is drawn as it is now.

    Raises:
        ValueError: the x axis is not linear.
    """

    _esm = picture_module()
    _player = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)
    _png = traitlets.Bytes().tag(sync=True)
    _alt = traitlets.Unicode().tag(sync=True)
    _width_px = traitlets.Float().tag(sync=True)
    _box = traitlets.List(traitlets.Float()).tag(sync=True)
    _from_ms = traitlets.Float().tag(sync=True)
    _to_ms = traitlets.Float().tag(sync=True)

    def __init__(self, player: Widget, ax: Axes) -> None:
        if ax.get_xscale() != "linear":
            raise ValueError(f"the x axis is {ax.get_xscale()}, not linear: give a chart over the response's seconds")
        png = _drawn(ax)  # first: constrained layout places the axes when they are drawn
        box = ax.get_position()
        from_s, to_s = ax.get_xlim()
        figure: Any = ax.figure
        super().__init__(
            _player=player,
            _png=png,
            _alt=_in_words(ax),
            _width_px=figure.get_figwidth() * _PX_PER_INCH,
            _box=[box.x0, 1 - box.y1, box.x1, 1 - box.y0],
            _from_ms=from_s * _MS_PER_S,
            _to_ms=to_s * _MS_PER_S,
        )

    def __repr__(self) -> str:
        return f"TimePicture({self._alt})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["image/png"] = b64encode(self._png).decode("ascii")
        return bundle


def _drawn(ax: Axes) -> bytes:
    figure: Any = ax.figure
    picture = io.BytesIO()
    # "figure": an inline back end may be set to cut the margins off, and the axes would stand elsewhere.
    figure.savefig(picture, format="png", dpi=_SHARPNESS * _PX_PER_INCH, bbox_inches=figure.bbox_inches)
    return picture.getvalue()


def _in_words(ax: Axes) -> str:
    """Return what the chart is, for those who do not see it."""
    title = ax.get_title() or ax.get_title(loc="left")
    return " ".join(f"{title or 'Chart'}: {ax.get_ylabel()} over {ax.get_xlabel()}".split())
