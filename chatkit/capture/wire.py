"""What client libraries give for one event, turned into parsed JSON, whatever the library.

An SDK's event is a model, a plain HTTP client gives bytes or lines of server-sent events, a toy gives bare text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chatkit import sse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DONE = "[DONE]"
_FIELD_LINE = re.compile(r"event: ?\S+|id: ?\S+|retry: ?\d+|: \S\S.*")
_BLOCK_START = re.compile(r"(data|event|id|retry): ?\S|: \S\S")


class PlainText(str):
    """A piece of the answer itself, from a stream of bare texts."""

    __slots__ = ()


class Unpacker:
    r"""Turns the items of one stream into events, each parsed JSON (or :class:`PlainText`).

    What is no event that can be read comes out as None.

    >>> list(Unpacker().unpack(b'data: {"a": 1}\n\ndata: [DONE]\n\n'))
    [{'a': 1}]
    >>> list(Unpacker().unpack("Hello"))
    ['Hello']
    """

    def __init__(self) -> None:
        self._decoder = sse.Decoder()
        self._unpack_text: Callable[[str | bytes], Iterable[Any]] | None = None

    def unpack(self, item: Any) -> Iterable[Any]:
        """Return the events that an item holds or completes."""
        if isinstance(item, dict):
            return (item,)
        if isinstance(item, str | bytes | bytearray | memoryview):
            return self._of_text(item if isinstance(item, str) else bytes(item))
        return (_of_model(item),)

    def _of_text(self, item: str | bytes) -> Iterable[Any]:
        if self._unpack_text is None:
            if not item:
                return ()
            self._unpack_text = self._choose(item)
        return self._unpack_text(item)

    def _choose(self, first: str | bytes) -> Callable[[str | bytes], Iterable[Any]]:
        """Tell by its first item what a stream of text is: lines, pieces of an event stream, or bare text."""
        text = first if isinstance(first, str) else first.decode("utf-8", "replace")
        if _is_line(text):
            return self._of_line
        if isinstance(first, bytes) or ("\n" in text and _BLOCK_START.match(text)):
            return self._of_piece
        return lambda item: (PlainText(item),)

    def _of_line(self, line: str | bytes) -> Iterable[Any]:
        return self._of_piece(_as_bytes(line) + b"\n")

    def _of_piece(self, piece: str | bytes) -> Iterable[Any]:
        return [parse(event.data) for event in self._decoder.feed(_as_bytes(piece)) if event.data != _DONE]


def parse(data: str) -> Any:
    """Return an event's data, parsed; None where it is no JSON, or nested deeper than Python parses.

    A NaN, which no store's file holds, is unknown too.
    """
    try:
        return json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _is_line(text: str) -> bool:
    """Whether the text is one whole line of an event stream, without its end (``iter_lines`` gives such)."""
    if "\n" in text or "\r" in text:
        return False
    data = text.removeprefix("data:") if text.startswith("data:") else None
    if data is not None:
        return data.strip() == _DONE or parse(data) is not None
    return _FIELD_LINE.fullmatch(text) is not None


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "replace") if isinstance(text, str) else text


def _of_model(item: Any) -> Any:
    """Return an SDK's event as it came over the wire; None where it is nothing of that kind.

    ``snapshot`` is what the SDK's own helpers have put together so far: it would make a stream's cost quadratic.
    """
    if isinstance(item, Mapping):
        return dict(item)
    try:
        if hasattr(item, "model_dump"):
            return item.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"snapshot"}, warnings=False)
        return item.to_dict() if hasattr(item, "to_dict") else None
    except Exception:  # noqa: BLE001 - somebody else's code, which must not break the caller's stream
        return None
