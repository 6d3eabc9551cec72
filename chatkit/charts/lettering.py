"""Text in pictures: how wide it is, and how text from a model is made fit to be drawn."""

from __future__ import annotations

import unicodedata
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

_SIGNS = {"\n": "⏎", "\t": "→", "\r": ""}
_UNKNOWN = "□"


def width_pt(text: str, size_pt: float) -> float:
    """Return the width of the widest line, in points."""
    font = FontProperties(size=size_pt)
    return max(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n"))


def drawable(text: str) -> str:
    r"""Return a model's text on one line: line ends as ⏎, what the font lacks as □, no control characters.

    >>> drawable("line\none")
    'line⏎one'
    """
    signs = (_SIGNS.get(sign, sign) for sign in text)
    return "".join(_drawn(sign) for sign in "".join(signs) if unicodedata.category(sign) not in {"Cc", "Cf"})


def shortened(text: str, length: int) -> str:
    """Return the text, its middle left out if it is longer than ``length`` characters.

    >>> shortened("qwen2.5-coder-0.5b-instruct", 16)
    'qwen2.5-…nstruct'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def _drawn(sign: str) -> str:
    return sign if ord(sign) in _glyphs(findfont(FontProperties())) else _UNKNOWN


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())
