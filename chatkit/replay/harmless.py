"""A model's text made fit for a terminal: whole characters, and nothing in it that a terminal would obey."""

from __future__ import annotations

import codecs
import unicodedata

_PICTURES = 0x2400
"""U+2400 to U+241F are pictures of the control characters 0 to 31: "␛" for escape."""
_KEPT = "\n\t"
_DROPPED = "\r"
"""Alone it would send the cursor back over what is read; before a line end it says nothing."""

_HARMLESS = {
    **{code: chr(_PICTURES + code) for code in range(32) if chr(code) not in _KEPT},
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    0x7F: "\u2421",
    ord(_DROPPED): None,
}


def harmless(text: str) -> str:
    r"""Replace control characters, so that no escape sequence is left; line ends and tabs stay.

    >>> harmless("\x1b[2Jgone?\r\n")
    '␛[2Jgone?\n'
    """
    return text.translate(_HARMLESS)


class Characters:
    r"""Makes whole characters of deltas: half of a surrogate pair waits for the other half.

    >>> characters = Characters()
    >>> [characters.of(delta) for delta in ("a\ud83d", "\ude00b")]
    ['a', '😀b']
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def of(self, delta: str) -> str:
        """Return what this delta completes."""
        return self._decoder.decode(delta.encode("utf-16-le", "surrogatepass"))

    def rest(self) -> str:
        """Return what is left at the end: U+FFFD for a half that never became whole."""
        return self._decoder.decode(b"", final=True)


def columns(character: str) -> int:
    """Return how many columns of a terminal a character takes: 0, 1 or 2."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
