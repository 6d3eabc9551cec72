"""Where text that comes piece by piece goes on a terminal's lines: words stay whole where they fit."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from chatkit.replay.harmless import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Segment = tuple[str, str]
    """Text and the colour it is written in."""

_TAB = 8
_NEW_LINE = "\r\n"


class Layout:
    """Breaks lines before the last column.

    There a terminal waits for the next character, and forgets that it did when it is sent to another line meanwhile.
    A word that runs into the end of its line is taken back and written on the next one. One with a character that
    is not one column wide is left where it is: what is taken back must be as wide as we think.

    Attributes:
        column: where the next character goes.
    """

    def __init__(self) -> None:
        self.column = 0
        self._word: list[Segment] = []

    def place(self, text: str, width: int, colour: str = "") -> Iterator[Segment]:
        """Return what to write, line breaks and all, for text on a terminal of so many columns."""
        return _joined(piece for character in text for piece in self._place(character, width, colour))

    def _place(self, character: str, width: int, colour: str) -> Iterator[Segment]:
        if character == "\n":
            yield self._break()
            return
        shown = " " * (_TAB - self.column % _TAB) if character == "\t" else character
        wide = len(shown) if character == "\t" else columns(character)
        if self.column + wide >= width:
            if character == " " and self._word:
                yield self._break()  # which parts the words as well
                return
            yield from self._wrap(width)
        self.column += wide
        yield shown, colour
        self._note(shown, wide, colour)

    def _break(self) -> Segment:
        self.column, self._word = 0, []
        return _NEW_LINE, ""

    def _wrap(self, width: int) -> Iterator[Segment]:
        """Begin a line, with the word that is being written if it began inside of the last one."""
        word, size = self._word, len(self._word)
        is_movable = 0 < size < min(self.column, width - 2)
        if is_movable:
            yield f"\x1b[{size}D\x1b[0K", ""
        yield self._break()
        if is_movable:
            yield from word
            self.column, self._word = size, word

    def _note(self, shown: str, wide: int, colour: str) -> None:
        if wide == 1 and not shown.isspace():
            self._word.append((shown, colour))
        else:
            self._word = []


def _joined(pieces: Iterable[Segment]) -> Iterator[Segment]:
    for colour, run in groupby(pieces, key=lambda piece: piece[1]):
        yield "".join(text for text, _ in run), colour
