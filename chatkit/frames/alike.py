"""Arrays of chunks that one program wrote: they differ in their values only, so they are read without a parser.

The form of one array (its keys and white space) is taken as the form of all. Quotes tell where the values lie, and
every byte that is no value is held to the form; an array that differs in one is left to a parser.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]

_QUOTES, _QUOTES_OF_FIRST = 14, 12
"""Quotes of a chunk: five keys and two texts; the first chunk has no ``interval_ms``."""
_MOST_BYTES = 2**31 - 1
_SAMPLES, _SAMPLE_BYTES = 25, 1 << 16
_MOST_LITERAL = 100
_PAD = bytes(256)
"""Past the end, where no literal is found; two of them end within."""
_MOST_DIGITS = 7
_ZEROS, _SIXES = np.uint64(0x3030303030303030), np.uint64(0x0606060606060606)
_UPPER, _LOWEST = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0xFF)
"""Eight digits "0"; what lifts digits past "9" out of the upper halves of bytes; those halves; the first byte."""
_FORM = re.compile(
    rb'\[(?P<before>\s*)\{(?P<open>\s*)"sequence":(?P<colon>\s*)\d+'
    rb',(?P<comma>\s*)"delta":\s*"(?:[^"\\]|\\.)*",\s*"timestamp":\s*"[^"\\]*"'
    rb',\s*"accumulated_chars":\s*\d+(?P<close>\s*)\},(?P<between>\s*)\{'
)
_END = re.compile(rb"\}(\s*)\]\Z")


class Alike(NamedTuple):
    """The chunks of arrays that are alike, flat.

    Attributes:
        numbers: which of the given arrays they are.
        counts: chunks of each of them.
        sequence: their numbers.
        delta: their texts.
        timestamp: their times, as text.
    """

    numbers: Integers
    counts: Integers
    sequence: Integers
    delta: pa.LargeStringArray
    timestamp: pa.StringArray


class _Form(NamedTuple):
    """What stands around the values of an array."""

    head: bytes
    delta: bytes
    timestamp: bytes
    chars: bytes
    interval: bytes
    following: bytes
    tail: bytes
    sequence: bytes
    comma: bytes

    @classmethod
    def of(cls, array: bytes) -> _Form | None:
        """Return the form of an array of two chunks or more; None if it is not one that is known here."""
        found, end = _FORM.match(array[:_SAMPLE_BYTES]), _END.search(array[-_SAMPLE_BYTES:])
        if not (found and end):
            return None
        before, opened, colon, comma, close, between = found.groups()
        comma = b"," + comma
        sequence = b'"sequence":' + colon
        form = cls(
            head=b"[" + before + b"{" + opened + sequence,
            delta=comma + b'"delta":' + colon + b'"',
            timestamp=b'"' + comma + b'"timestamp":' + colon + b'"',
            chars=b'"' + comma + b'"accumulated_chars":' + colon,
            interval=comma + b'"interval_ms":' + colon,
            following=close + b"}," + between + b"{" + opened + sequence,
            tail=close + b"}" + end[1] + b"]",
            sequence=sequence,
            comma=comma,
        )
        return form if max(map(len, form)) <= _MOST_LITERAL else None


class _Span(NamedTuple):
    """Where each value starts and ends."""

    start: Integers
    end: Integers


def alike(arrays: Sequence[bytes]) -> Alike | None:
    """Read those arrays that have the form that is most common among the first; None if there are none.

    Args:
        arrays: JSON arrays of chunks. That they are UTF-8 is for the caller to know.
    """
    forms = Counter(filter(None, map(_Form.of, arrays[:_SAMPLES])))
    if not forms or sum(map(len, arrays)) > _MOST_BYTES:
        return None
    [(form, _)] = forms.most_common(1)
    numbers = np.arange(len(arrays))
    while len(numbers):
        text = _Text([arrays[number] for number in numbers.tolist()])
        if text.is_countable.all():
            text.lay_out()
            found, is_one = text.read(form)
            if found is not None:
                return found._replace(numbers=numbers)
            numbers = numbers[is_one]
        else:
            numbers = numbers[text.is_countable]
    return None


class _Text:
    """Arrays as one text, and where the quotes of each chunk are."""

    def __init__(self, arrays: Sequence[bytes]) -> None:
        self.ends = np.cumsum([len(array) for array in arrays])
        self.data = b"".join((*arrays, _PAD))
        self.quotes, self.backslashes = self._marks()
        self.before = np.searchsorted(self.quotes, np.concatenate(([0], self.ends)))
        n_later, rest = np.divmod(np.diff(self.before) - _QUOTES_OF_FIRST, _QUOTES)
        self.counts = n_later + 1
        self.is_countable = (n_later >= 0) & (rest == 0)

    def lay_out(self) -> None:
        """Find the chunks, once all arrays are countable."""
        self.last = np.cumsum(self.counts) - 1
        self.first = self.last - self.counts + 1
        self.of_array = np.repeat(np.arange(len(self.counts)), self.counts)
        self.is_first, self.is_last = np.zeros((2, len(self.of_array)), dtype=np.bool_)
        self.is_first[self.first], self.is_last[self.last] = True, True
        before = self.before[:-1] - _QUOTES * self.first
        self.at = before[self.of_array] + _QUOTES * np.arange(len(self.of_array))
        self.at[~self.is_first] -= _QUOTES - _QUOTES_OF_FIRST

    def _marks(self) -> tuple[Integers, Integers]:
        """Return where quotes are, those within texts left out, and where backslashes are."""
        data = np.frombuffer(self.data, dtype=np.uint8)
        is_quote = data == ord('"')
        backslashes = np.flatnonzero(data == ord("\\")) if b"\\" in self.data else np.empty(0, dtype=np.int64)
        starts = np.flatnonzero(np.diff(backslashes, prepend=-2) > 1)
        sizes = np.diff(np.append(starts, len(backslashes)))
        is_quote[(backslashes[starts] + sizes)[sizes % 2 == 1]] = False
        return np.flatnonzero(is_quote), backslashes

    def read(self, form: _Form) -> tuple[Alike | None, Booleans]:
        """Return the chunks if every array has the form, and which arrays have it."""
        is_first, quote = self.is_first, self._quote
        sequence = _Span(quote(0) + len(form.sequence), quote(2) - len(form.comma))
        ends = np.append(sequence.start[1:] - len(form.following), 0)
        ends[self.last] = self.ends - len(form.tail)
        delta, timestamp = _Span(quote(4) + 1, quote(5)), _Span(quote(8) + 1, quote(9))
        chars = _Span(timestamp.end + len(form.chars), np.where(is_first, ends, quote(12) - len(form.comma)))
        interval = _Span(chars.end + len(form.interval), ends)

        numbers, is_good = self._whole(sequence)
        is_good &= self._has(form.delta, sequence.end) & (sequence.end + len(form.delta) == delta.start)
        is_good &= self._has(form.timestamp, delta.end) & (delta.end + len(form.timestamp) == timestamp.start)
        is_good &= self._has(form.chars, timestamp.end) & self._whole(chars)[1]
        is_good &= is_first | (self._has(form.interval, chars.end) & self._whole(interval)[1])
        is_good[:-1] &= self.is_last[:-1] | self._has(form.following, ends[:-1])
        is_good[self.last] &= self._has(form.tail, ends[self.last])
        starts = np.concatenate(([0], self.ends[:-1]))
        is_good[self.first] &= self._has(form.head, starts) & (starts + len(form.head) == sequence.start[self.first])
        if is_good.all():
            times = self._texts(timestamp, pa.string())
            texts, is_good = self._decoded(delta, _are_plain(times, r"[\x00-\x1f\\]"))
            if is_good.all():
                return Alike(np.arange(len(self.counts)), self.counts, numbers, texts, times), is_good
        return None, np.bincount(self.of_array[~is_good], minlength=len(self.counts)) == 0

    def _quote(self, number: int) -> Integers:
        """Return where each chunk's quote of a number is; anywhere where it has none of that number."""
        places: Integers = self.quotes[np.minimum(self.at + number, len(self.quotes) - 1)]
        return places

    def _has(self, literal: bytes, at: Integers) -> Booleans:
        """Whether a literal stands at each place."""
        size = len(literal)
        everywhere = np.ndarray((len(self.data) - size + 1,), f"S{size}", self.data, strides=(1,))
        found: Booleans = np.equal(everywhere[at], literal)
        return found

    def _whole(self, span: _Span) -> tuple[Integers, Booleans]:
        """Read whole numbers of few digits, and tell where there are such, all digits of one in a word of 64 bits.

        References: D. Lemire, "Quickly parsing eight digits" (2018).
        """
        size = span.end - span.start
        word = np.ndarray((len(self.data) - 7,), "<u8", self.data, strides=(1,))[span.start]
        shift = ((8 - np.clip(size, 1, _MOST_DIGITS)) * 8).astype(np.uint64)
        digits = (word << shift) | (_ZEROS >> (64 - shift))
        is_one = (size >= 1) & (size <= _MOST_DIGITS) & ((size == 1) | ((word & _LOWEST) != ord("0")))
        is_one &= ((digits & _UPPER) == _ZEROS) & (((digits + _SIXES) & _UPPER) == _ZEROS)
        digits -= _ZEROS
        digits = (digits * 10 + (digits >> 8)) & np.uint64(0x00FF00FF00FF00FF)
        digits = (digits * 100 + (digits >> 16)) & np.uint64(0x0000FFFF0000FFFF)
        digits = (digits * 10_000 + (digits >> 32)) & np.uint64(0xFFFFFFFF)
        return digits.astype(np.int64), is_one

    def _decoded(self, span: _Span, is_good: Booleans) -> tuple[pa.LargeStringArray, Booleans]:
        """Cut texts out and put characters in the place of escapes; tell which JSON has, without half characters."""
        texts = self._texts(span, pa.large_string())
        is_good &= _are_plain(texts, r"[\x00-\x1f]")
        if not len(self.backslashes):
            return texts, is_good
        rows = np.unique(np.searchsorted(span.start, self.backslashes, side="right") - 1)
        escaped = texts.take(pa.array(rows)).to_pylist()
        try:
            plain = msgspec.json.decode('["' + '","'.join(escaped) + '"]', type=list[str])
        except msgspec.MsgspecError:
            is_good[rows] &= [_is_text(text) for text in escaped]
            return texts, is_good
        is_escaped = np.zeros(len(texts), dtype=np.bool_)
        is_escaped[rows] = True
        return pc.replace_with_mask(texts, pa.array(is_escaped), pa.array(plain, pa.large_string())), is_good

    def _texts(self, span: _Span, kind: pa.DataType) -> pa.Array:
        """Cut texts out: every second of those that begin where the last one ends."""
        size = np.int64 if kind == pa.large_string() else np.int32
        cuts = np.column_stack([span.start, span.end]).ravel().astype(size)
        buffers = [None, pa.py_buffer(cuts), pa.py_buffer(self.data)]
        every = pa.Array.from_buffers(kind, max(len(cuts) - 1, 0), buffers)
        return every.take(pa.array(np.arange(0, len(every), 2)))


def _are_plain(texts: pa.Array, pattern: str) -> Booleans:
    """Whether each text has nothing of a pattern: of control characters, and perhaps of backslashes."""
    text = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    if (text < ord(" ")).any() or ("\\\\" in pattern and (text == ord("\\")).any()):
        return ~np.array(pc.match_substring_regex(texts, pattern))
    return np.ones(len(texts), dtype=np.bool_)


def _is_text(escaped: str) -> bool:
    try:
        msgspec.json.decode(f'"{escaped}"', type=str)
    except msgspec.MsgspecError:
        return False
    return True
