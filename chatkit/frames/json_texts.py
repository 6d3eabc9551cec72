"""What stands between the quotes of JSON texts, many at once: escapes into characters, and what is no text told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]

_decoder = msgspec.json.Decoder(str)


def json_texts(data: bytes, start: Integers, end: Integers) -> tuple[pa.LargeStringArray, Booleans]:
    """Return the texts of JSON strings, and which are such: not those with an open quote, with half a character, ….

    Args:
        data: where they are.
        start: where each begins, after its quote.
        end: where it ends, before its quote.
    """
    raw, is_text = _in_utf8(_cut(data, start, end))
    if not len(raw):
        return raw, is_text
    _, offsets, text = raw.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[: len(raw) + 1]
    text = np.frombuffer(text or b"", dtype=np.uint8)[: ends[-1]]
    special = np.flatnonzero((text < ord(" ")) | (text == ord('"')) | (text == ord("\\")))
    if not len(special):
        return raw, is_text
    rows = np.searchsorted(ends, special, side="right") - 1
    rows = rows[np.diff(rows, prepend=-1) > 0]
    plain = _unescaped(raw.take(pa.array(rows)).to_pylist())
    is_text[rows] &= [text is not None for text in plain]
    places = np.arange(len(raw))
    places[rows] = len(raw) + np.arange(len(rows))
    both = pa.concat_arrays([raw, pa.array([text or "" for text in plain], raw.type)])
    return both.take(pa.array(places)), is_text


def _cut(data: bytes, start: Integers, end: Integers) -> pa.LargeBinaryArray:
    """Cut pieces out: every second of those that begin where the last one ends."""
    cuts = np.column_stack([start, end]).ravel()
    buffers = [None, pa.py_buffer(cuts), pa.py_buffer(data)]
    every = pa.Array.from_buffers(pa.large_binary(), max(len(cuts) - 1, 0), buffers)
    return every.take(pa.array(np.arange(0, len(every), 2)))


def _in_utf8(raw: pa.LargeBinaryArray) -> tuple[pa.LargeStringArray, Booleans]:
    """Return bytes as texts, "" for those that are none, and which are some."""
    is_text = np.ones(len(raw), dtype=np.bool_)
    try:
        return raw.cast(pa.large_string()), is_text
    except pa.ArrowInvalid:
        is_text &= [_is_utf8(one) for one in raw.to_pylist()]
        return pc.if_else(pa.array(is_text), raw, pa.scalar(b"", raw.type)).cast(pa.large_string()), is_text


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unescaped(raw: list[str]) -> list[str | None]:
    """Put characters in the place of escapes, all at once if all are texts: none goes on in the next line."""
    try:
        plain = _decoder.decode_lines('"' + '"\n"'.join(raw) + '"')
    except msgspec.MsgspecError:
        plain = []
    if len(plain) == len(raw):  # msgspec takes several on one line
        return [*plain]
    return [_one(text) for text in raw]


def _one(raw: str) -> str | None:
    try:
        return _decoder.decode(f'"{raw}"')
    except msgspec.MsgspecError:
        return None
