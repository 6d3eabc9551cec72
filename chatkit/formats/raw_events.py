"""The raw events of a live stream, kept as they come in a file that :mod:`chatkit.formats.recording` reads."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK_END = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LONGEST_END = 4
_ROOM = 200
"""Bytes left free in the first line for what is known at the end only."""


class EventTexts:
    r"""Cuts a stream of bytes into the texts of its events, each without the empty line that ends it.

    >>> texts = EventTexts()
    >>> texts.feed(b"data: on")
    []
    >>> texts.feed(b"e\n\n: ping\n\ndata: tw"), texts.rest()
    (['data: one', ': ping'], 'data: tw')
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes and return the events that they complete."""
        searched = max(0, len(self._buffer) - _LONGEST_END)
        self._buffer += data
        begin = 0
        found: list[str] = []
        while end := _BLOCK_END.search(self._buffer, max(begin, searched)):
            found.append(_text(self._buffer[begin : end.start()]))
            begin = end.end()
        del self._buffer[:begin]
        return [text for text in found if text]

    def rest(self) -> str:
        """Return what has come since the last event."""
        return _text(self._buffer)


class RawEvents:
    """Writes such a file while the stream runs; whatever stops it, what was written is a recording.

    Args:
        path: the file; it must not be there yet.
        header: what is known at the beginning (fields of ``recording.Header``).
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._header = header
        first = _line(header)
        self._n_first = len(first) + _ROOM
        self._file = path.open("xb")
        try:
            self._file.write(_padded(first, self._n_first))
        except BaseException:
            with suppress(OSError):
                self._file.close()
            path.unlink()  # or it would be a recording of nothing
            raise

    def append(self, t_ns: int, event: str) -> None:
        """Add an event, with its arrival in ns since the request was sent."""
        self._file.write(_line({"t_ns": t_ns, "event": event}))

    def flush(self) -> None:
        """Hand what was added to the system."""
        self._file.flush()

    def close(self, **known: Any) -> None:
        """End the file.

        Args:
            known: what of its header is known only now; it has room for some 200 bytes.
        """
        with self._file:
            first = _line(self._header | known)
            if len(first) <= self._n_first:
                self._file.seek(0)
                self._file.write(_padded(first, self._n_first))


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True).encode() + b"\n"


def _padded(line: bytes, length: int) -> bytes:
    """Fill a line of JSON up with spaces, which mean nothing there."""
    return line[:-1].ljust(length - 1) + b"\n"


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "replace")
