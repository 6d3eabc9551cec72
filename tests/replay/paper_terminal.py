"""A terminal on paper: the few sequences that a replay may use, and an error for every other."""

from __future__ import annotations

import re
import unicodedata

_CODE = re.compile(r"\x1b\[[?\d;]*[A-Za-z]|\x1b.|[\s\S]")


class PaperTerminal:
    """Rows of a screen that scrolls into ``history``; a wide character fills two cells."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.history: list[str] = []
        self.screen = [self._blank() for _ in range(rows)]
        self.row = self.column = 0
        self.kept = (0, 0)
        self.colour = ""
        self.reds: list[str] = []

    def feed(self, text: str) -> None:
        for code in _CODE.findall(text):
            self._obey(code)

    def lines(self) -> list[str]:
        """All that was ever on the screen, without what is blank at its end."""
        lines = [*self.history, *("".join(row).rstrip() for row in self.screen)]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _blank(self) -> list[str]:
        return [" "] * self.columns

    def _obey(self, code: str) -> None:
        is_full = self.column == self.columns and not code.endswith("m")
        assert not (is_full and code.startswith("\x1b")), "sent elsewhere from a full line, where terminals differ"
        if code == "\r":
            self.column = 0
        elif code in {"\n", "\x1bD"}:
            self._index()
        elif code == "\x1b[A":
            self.row = max(0, self.row - 1)
        elif re.fullmatch(r"\x1b\[\d+D", code):
            assert int(code[2:-1]) <= self.column, "sent back beyond the beginning of a line"
            self.column -= int(code[2:-1])
        elif code == "\x1b7":
            self.kept = (self.row, self.column)
        elif code == "\x1b8":
            self.row, self.column = self.kept
        elif code in {"\x1b[2K", "\x1b[0K", "\x1b[0J"}:
            self._clear(code)
        elif re.fullmatch(r"\x1b\[\d+m", code):
            self.colour = "" if code == "\x1b[0m" else code
        else:
            assert code.isprintable(), f"a terminal would obey {code!r}"
            self._put(code)

    def _clear(self, code: str) -> None:
        start = 0 if code == "\x1b[2K" else self.column
        self.screen[self.row][start:] = " " * (self.columns - start)
        if code == "\x1b[0J":
            self.screen[self.row + 1 :] = [self._blank() for _ in self.screen[self.row + 1 :]]

    def _put(self, character: str) -> None:
        wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + wide > self.columns:
            self.column = 0
            self._index()
        self.screen[self.row][self.column : self.column + wide] = [character, ""][:wide]
        self.column += wide
        if self.colour == "\x1b[31m":
            self.reds.append(character)

    def _index(self) -> None:
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.history.append("".join(self.screen.pop(0)).rstrip())
        self.screen.append(self._blank())
