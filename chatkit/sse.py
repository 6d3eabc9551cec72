"""Server-sent events: bytes into events as they come, and events into bytes.

Follows "Interpreting an event stream" of the WHATWG HTML standard
(https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")  # not str.splitlines, which also splits at U+2028, U+0085 and others
_MOST_RETRY_DIGITS = 15  # some 30,000 years; int() raises on the thousands of digits a stream may hold


class Event(NamedTuple):
    """One event, as an ``EventSource`` would dispatch it.

    Attributes:
        event: its type; ``"message"`` where the stream names none.
        data: its data lines, joined by line feeds.
        last_event_id: the latest id of the stream so far, ``""`` before the first.
        retry: the latest reconnection time of the stream so far, in ms; None before the first.
    """

    event: str
    data: str
    last_event_id: str = ""
    retry: int | None = None


class Decoder:
    r"""Decodes one event stream, cut anywhere into pieces.

    An event comes out with the byte that ends its blank line: a lone CR ends a line at once, and an LF right
    after it is dropped. What has no blank line after it is never an event. Takes time linear in the bytes.

    >>> decoder = Decoder()
    >>> decoder.feed(b"data: on")
    []
    >>> [event.data for event in decoder.feed(b"e\n\ndata: two\n\n")]
    ['one', 'two']
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._follows_cr = False
        self._line: list[str] = []  # pieces of the line that has not ended yet
        self._data: list[str] = []
        self._type = ""
        self._last_event_id = ""
        self._retry: int | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete."""
        text = self._utf8.decode(data)
        if not text:
            return []
        if self._follows_cr and text[0] == "\n":
            text = text[1:]
        self._follows_cr = text.endswith("\r")
        *ends, rest = _LINE_END.split(text)
        events = []
        for end in ends:
            line = "".join((*self._line, end))
            self._line.clear()
            if line:
                self._read_field(line)
            elif event := self._close_block():
                events.append(event)
        if rest:
            self._line.append(rest)
        return events

    def _read_field(self, line: str) -> None:
        """Take in one line; a comment (``: …``) is a field without a name, ignored like any unknown one."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._last_event_id = value
        elif name == "retry" and _is_retry(value):
            self._retry = int(value)

    def _close_block(self) -> Event | None:
        """End the block; one without a data line is no event, but its id and retry stay."""
        data, kind = self._data, self._type or "message"
        self._data, self._type = [], ""
        return Event(kind, "\n".join(data), self._last_event_id, self._retry) if data else None


def _is_retry(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _MOST_RETRY_DIGITS


def decode(data: bytes) -> list[Event]:
    r"""Return the events of a whole stream.

    >>> decode(b"event: delta\ndata: Hello\n\n")
    [Event(event='delta', data='Hello', last_event_id='', retry=None)]
    """
    return Decoder().feed(data)


def encode(
    data: str,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's own name
    retry: int | None = None,
) -> bytes:
    r"""Return the bytes of one event; ``data`` may have several lines, ``retry`` is in ms.

    Line ends of ``data`` (CRLF, CR, LF) all arrive as LF: the format has no way to tell them apart.

    Raises:
        ValueError: ``event`` or ``id`` holds a line end or NUL, ``retry`` is negative, or a text holds half a
            surrogate pair, which UTF-8 cannot write.

    >>> encode("two\nlines", event="delta", id="7")
    b'event: delta\nid: 7\ndata: two\ndata: lines\n\n'
    """
    lines = [f"{name}: {_one_line(name, value)}" for name, value in (("event", event), ("id", id)) if value is not None]
    if retry is not None:
        if retry < 0:
            raise ValueError(f"retry is a time in ms, not negative: {retry}")
        lines.append(f"retry: {retry}")
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return "\n".join((*lines, "", "")).encode()


def _one_line(name: str, value: str) -> str:
    if any(forbidden in value for forbidden in "\r\n\0"):
        raise ValueError(f"the {name} of an event cannot hold a line end or NUL: {value!r}")
    return value
