"""Text in pictures: how wide it is, and how text from a model is made fit to be drawn."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNS = {"\n": "⏎", "\t": "→", "\r": ""}
_UNKNOWN = "□"
_CONTEXT = 4
"""How much of what several names have in common stays before what tells them apart."""
_FEWEST = 4


@lru_cache(maxsize=4096)
def width_pt(text: str, size_pt: float) -> float:
    """Return the width of the widest line, in points."""
    font = FontProperties(size=size_pt)
    return max(text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n"))


def drawable(text: str) -> str:
    r"""Return a model's text on one line: line ends as ⏎, what the font lacks as □, no control characters.

    >>> drawable("line\none")
    'line⏎one'
    """
    signs = "".join(_SIGNS.get(sign, sign) for sign in text)
    seen = (sign for sign in signs if unicodedata.category(sign) not in {"Cc", "Cf"})
    glyphs = _glyphs(findfont(FontProperties()))
    return "".join(sign if ord(sign) in glyphs else _UNKNOWN for sign in seen)


def shortened(text: str, length: int) -> str:
    """Return the text, its middle left out if it is longer than ``length`` characters.

    >>> shortened("qwen2.5-coder-0.5b-instruct", 16)
    'qwen2.5-…nstruct'
    """
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def told_apart(names: Sequence[str], length: int) -> list[str]:
    """Return the names, shortened so that those that differ still do, where they begin alike.

    >>> told_apart(["a-long-name-of-server-1-of-many", "a-long-name-of-server-2-of-many"], 16)
    ['…ver-1-of-many', '…ver-2-of-many']
    """
    short = [shortened(name, length) for name in names]
    if len(set(short)) == len(set(names)):
        return short
    pairs = zip(min(names), max(names), strict=False)  # in order, these two differ first
    alike = next(place for place, (one, other) in enumerate([*pairs, ("", "…")]) if one != other)
    if alike <= _CONTEXT:
        return [shortened(name, length) for name in names]
    return [shortened("…" + name[alike - _CONTEXT :].lstrip("…"), length) for name in names]


def fitted(names: Sequence[str], room_pt: float, size_pt: float) -> list[str]:
    """Return the names, shortened alike until the widest has room, to 4 characters at the least.

    >>> fitted(["a-long-name-of-server-1-of-many", "a-long-name-of-server-2-of-many"], 70, 8)
    ['…ver-1-of-many', '…ver-2-of-many']
    """
    kept = list(names)
    widest = max((width_pt(name, size_pt) for name in kept), default=0.0)
    length = max(map(len, kept), default=0)
    while widest > room_pt and length > _FEWEST:
        length = max(min(length - 1, int(length * room_pt / widest) + 1), _FEWEST)
        kept = told_apart(names, length)
        widest = max(width_pt(name, size_pt) for name in kept)
    return kept


def wrapped(parts: Sequence[str], room_pt: float, size_pt: float, between: str = " ") -> str:
    r"""Return parts of a text on as few lines as have room; a part alone that is wider has a line of its own.

    >>> wrapped(["3 responses", "20 chunks", "12 gaps drawn"], 120, 8, between=" · ")
    '3 responses · 20 chunks\n12 gaps drawn'
    """
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines else part
        if lines and width_pt(longer, size_pt) <= room_pt:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def figure(value: float) -> str:
    """Return a number with three digits that count, or all of those before the point.

    >>> figure(0.04213), figure(42.13), figure(421.3), figure(-12345.6)
    ('0.0421', '42.1', '421', '-12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())
