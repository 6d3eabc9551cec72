"""Where a replay is written: a terminal with a status line under the text, or anything else, as plain text."""

from __future__ import annotations

import os
import shutil
from typing import Protocol, TextIO

from chatkit.replay.layout import Layout

_CLEAR_LINE, _CLEAR_BELOW = "\x1b[2K", "\x1b[0J"
_BETWEEN = " · "
_DIM, _RED, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"
# Index and cursor up: there is a line below after it, and the cursor is where it was. Then its place is kept
# by the terminal, so that a character whose width we get wrong does no harm.
_KEEP_PLACE_OVER_A_LINE, _BACK = "\x1bD\x1b[A\x1b7", "\x1b8"


class Screen(Protocol):
    """Takes text as it comes, and what is to be said about it."""

    def write(self, text: str, *, ended_stall: bool = False) -> None:
        """Add text; ``ended_stall`` marks it as waited for."""

    def say(self, status: str, *, is_stalled: bool = False) -> None:
        """Show how the replay stands."""

    def close(self, last_words: str | None = None) -> None:
        """Leave the cursor on a line of its own, under the last words if there are any."""


def screen_for(out: TextIO) -> Screen:
    """Return the screen that suits an output."""
    if out.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalScreen(out)
    return PlainScreen(out)


class PlainScreen:
    """A file, a pipe, a notebook's output: the text and nothing else."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = "\n"

    def write(self, text: str, *, ended_stall: bool = False) -> None:
        """Add text at once."""
        del ended_stall  # there are no colours here
        if not text:
            return
        self._out.write(_encodable(text, self._out))
        self._out.flush()
        self._last = text[-1]

    def say(self, status: str, *, is_stalled: bool = False) -> None:
        """Say nothing: it would stand in the text."""

    def close(self, last_words: str | None = None) -> None:
        """End the line."""
        del last_words
        if self._last != "\n":
            self._out.write("\n")
        self._out.flush()


class TerminalScreen:
    """A terminal: text runs down the screen and stays in its history, the status is the line under it.

    Between two calls the terminal is as usual: cursor shown, no colour set, no line wrapped half. So there is
    nothing to restore, whatever ends the program; only the status line is removed.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._layout = Layout()
        self._has_status = False
        self._has_colours = not os.environ.get("NO_COLOR")

    def write(self, text: str, *, ended_stall: bool = False) -> None:
        """Add text; what ended a stall is red."""
        if not text:
            return
        cleared = _CLEAR_BELOW if self._has_status else ""
        self._has_status = False
        self._send(cleared + self._placed(self._layout, text, _RED if ended_stall else ""))

    def say(self, status: str, *, is_stalled: bool = False) -> None:
        """Write the status under the text; where it is too long its last parts, which change, are what is left."""
        room = self._width - 1
        while len(status) > room and _BETWEEN in status:
            status = status.partition(_BETWEEN)[2]
        shown = self._coloured(status[:room], _RED if is_stalled else _DIM)
        self._send(f"{_KEEP_PLACE_OVER_A_LINE}\r\n{_CLEAR_LINE}{shown}{_BACK}")
        self._has_status = True

    def close(self, last_words: str | None = None) -> None:
        """Remove the status, end the line, and write the last words."""
        cleared = _CLEAR_BELOW if self._has_status else ""
        end = "\r\n" if self._layout.column else ""
        said = f"{self._placed(Layout(), last_words, _DIM)}\r\n" if last_words else ""
        self._has_status, self._layout = False, Layout()
        self._send(cleared + end + said)

    @property
    def _width(self) -> int:
        """Columns of the terminal now: it may be resized while it plays."""
        try:
            return max(2, os.get_terminal_size(self._out.fileno()).columns)
        except (OSError, ValueError):
            return max(2, shutil.get_terminal_size().columns)

    def _placed(self, layout: Layout, text: str, colour: str) -> str:
        return "".join(self._coloured(*piece) for piece in layout.place(text, self._width, colour))

    def _coloured(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if colour and self._has_colours else text

    def _send(self, text: str) -> None:
        self._out.write(_encodable(text, self._out))
        self._out.flush()


def _encodable(text: str, out: TextIO) -> str:
    """Replace what the output's encoding lacks."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
