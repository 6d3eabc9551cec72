"""Colours with one meaning each, for colour-blind readers and for grey print."""

from __future__ import annotations

from itertools import product

INK, MUTED, GRID, FRAME = "#2b2f36", "#6b7079", "#e9ebee", "#8a8f98"

STALL = "#c8324a"
"""A stall, and nothing else; it is drawn thicker too, so that it shows in grey."""

WAIT = "#cfd4db"
"""Waiting for the first chunk: nothing to see yet."""

FLOW = "#3b7ddd"
"""Text that arrives as it should."""

CACHED, NEW, ANSWER, REASONING = "#cfd4db", "#9aa3b1", "#3b7ddd", "#5d3a80"
"""Tokens by kind, the cheaper the lighter, so that they show in grey: read from a cache, computed, written, thought."""

_SERIES = ("#3b7ddd", "#e69f00", "#009e73", "#8e5bb5", "#5b6470", "#56b4e9")  # after Okabe and Ito, red left out

SERIES = len(_SERIES)
"""How many colours tell series apart; past that, dashes do as well."""

Dashes = str | tuple[float, tuple[float, ...]]
LineStyle = tuple[str, Dashes]

_DASHES: tuple[Dashes, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLES: list[LineStyle] = [(colour, dashes) for dashes, colour in product(_DASHES, _SERIES)]


def line_style(number: int) -> LineStyle:
    """Return the colour and dashes of the ``number``-th of several lines; 18 of them differ.

    >>> line_style(0), line_style(6)
    (('#3b7ddd', 'solid'), ('#3b7ddd', (0, (5, 1.5))))
    """
    return _STYLES[number % len(_STYLES)]


def marker(number: int) -> str:
    """Return the shape of the ``number``-th of several clouds of points, to be told apart in grey too."""
    return _MARKERS[number % len(_MARKERS)]
