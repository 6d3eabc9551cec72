"""Arrays of chunks that one program wrote: they differ in their values only, so they are read without a parser.

The form of one array (its keys and white space) is taken as the form of all. Where each chunk begins tells where the
one before it ends, and from there its values are found. Every byte that is no value is held to the form, every value
to what JSON has in its place; an array that differs in one byte is left to a parser.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from chatkit.frames.json_texts import json_texts
from chatkit.frames.moments import moments
from chatkit.frames.words import MOST_BYTES, Pattern, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]

_MOST_TOGETHER = 2**31 - 1
_PAST_ASCII = 0x80
_SAMPLES, _SAMPLE_BYTES = 25, 1 << 16
_TAIL_BYTES = 256
_FORM = re.compile(
    rb'\[(?P<before>~)\{(?P<open>~)"sequence":(?P<colon>~)\d+'
    rb',(?P<comma>~)"delta":~"(?:[^"\\]|\\.)*",~"timestamp":~"(?P<stamp>[^"\\]+)"'
    rb',~"accumulated_chars":~\d+(?P<close>~)\},(?P<between>~)\{'.replace(b"~", rb"[ \t\n\r]*")
)
_END = re.compile(rb"\}([ \t\n\r]*)\]\Z")
"""Of white space only what JSON has."""


class Alike(NamedTuple):
    """The chunks of arrays that are alike, flat.

    Attributes:
        numbers: which of the given arrays they are.
        counts: chunks of each of them.
        sequence: their numbers.
        delta: their texts.
        us: their times, µs since the epoch.
    """

    numbers: Integers
    counts: Integers
    sequence: Integers
    delta: pa.LargeStringArray
    us: Integers


class _Form(NamedTuple):
    """What stands around the values of an array.

    Attributes:
        head: before its first number.
        start: the end of ``head`` and of ``between``, from the brace on.
        delta: between a number and its text.
        moment: between a text and ``accumulated_chars``, which is not read; its gap is the time.
        interval: between that and ``interval_ms``, which the first chunk has not.
        between: between two chunks, up to the brace.
        tail: after the last chunk.
    """

    head: bytes
    start: bytes
    delta: bytes
    moment: tuple[bytes, int, bytes]
    interval: bytes
    between: bytes
    tail: bytes

    @classmethod
    def of(cls, array: bytes) -> _Form | None:
        """Return the form of an array of two chunks or more; None if it is not one that is known here."""
        found, end = _FORM.match(array[:_SAMPLE_BYTES]), _END.search(array[-_TAIL_BYTES:])
        if not (found and end):
            return None
        before, opened, colon, comma, stamp, close, between = found.groups()
        comma = b"," + comma
        start = b"{" + opened + b'"sequence":' + colon
        moment = (b'"' + comma + b'"timestamp":' + colon + b'"', b'"' + comma + b'"accumulated_chars":' + colon)
        form = cls(
            head=b"[" + before + start,
            start=start,
            delta=comma + b'"delta":' + colon + b'"',
            moment=(moment[0], len(stamp), moment[1]),
            interval=comma + b'"interval_ms":' + colon,
            between=close + b"}," + between,
            tail=close + b"}" + end[1] + b"]",
        )
        longest = max(sum(map(len, moment)) + len(stamp), *(len(part) for part in (form.head, form.tail, form.between)))
        return form if longest <= MOST_BYTES else None


class _Chunks(NamedTuple):
    """Where the chunks of arrays begin.

    Attributes:
        numbers: the arrays that have any.
        counts: chunks of each of these.
        start: where each of these arrays begins.
        end: where it ends.
        first: the number of its first chunk.
        last: of its last one.
        at: where each chunk begins.
    """

    numbers: Integers
    counts: Integers
    start: Integers
    end: Integers
    first: Integers
    last: Integers
    at: Integers

    @classmethod
    def of(cls, words: Words, bounds: Integers, start: Pattern) -> _Chunks:
        """Find them: none begins within a text, where a quote has a backslash before it."""
        braces = words.places_of("{")
        at = braces[words.has(start, braces)]
        places = np.searchsorted(at, bounds)
        numbers = np.flatnonzero(np.diff(places))
        first, last = places[numbers], places[numbers + 1] - 1
        return cls(numbers, last - first + 1, bounds[numbers], bounds[numbers + 1], first, last, at)

    def is_first(self) -> Booleans:
        """Whether each chunk is its array's first."""
        found = np.zeros(len(self.at), dtype=np.bool_)
        found[self.first] = True
        return found

    def are_all(self, is_good: Booleans) -> Booleans:
        """Whether all chunks of each array are good."""
        n_good = np.diff(np.concatenate(([0], np.cumsum(is_good)[self.last])))
        found: Booleans = n_good == self.counts
        return found


class _Values(NamedTuple):
    """The values of chunks, and whether all stands as the form has it.

    Attributes:
        sequence: numbers.
        delta_start: where the texts begin.
        delta_end: where they end.
        stamp_start: where the times begin.
        is_good: whether the chunk has the form.
    """

    sequence: Integers
    delta_start: Integers
    delta_end: Integers
    stamp_start: Integers
    is_good: Booleans


def alike(arrays: Sequence[bytes]) -> Alike | None:
    """Read those arrays that have the form that is most common among the first; None if there are none.

    Args:
        arrays: what may be JSON arrays of chunks.
    """
    forms = Counter(filter(None, (_Form.of(bytes(array)) for array in arrays[:_SAMPLES])))
    if not forms or sum(map(len, arrays)) > _MOST_TOGETHER:
        return None
    [(form, _)] = forms.most_common(1)
    words = Words(*arrays)
    bounds = np.cumsum([0, *map(len, arrays)])
    chunks = _Chunks.of(words, bounds, Pattern(form.start))
    values = _values(words, chunks, form)
    is_good = values.is_good
    us = _times(words.cut(values.stamp_start, form.moment[1]), is_good)
    rows = np.flatnonzero(np.repeat(chunks.are_all(is_good), chunks.counts))
    texts, is_good[rows] = json_texts(words.data, values.delta_start[rows], values.delta_end[rows])
    are_good = chunks.are_all(is_good)
    if not are_good.any():
        return None
    is_kept = np.repeat(are_good, chunks.counts)
    if not is_kept.all():
        texts = texts.filter(pa.array(is_kept[rows]))
    return Alike(chunks.numbers[are_good], chunks.counts[are_good], values.sequence[is_kept], texts, us[is_kept])


def _times(stamps: bytes, is_good: Booleans) -> Integers:
    """Read times of one size; where a text is none, or is not plain ASCII, the chunk is no good."""
    us = np.zeros(len(is_good), dtype=np.int64)
    text = np.frombuffer(stamps, dtype=np.uint8).reshape(len(is_good), -1)
    if not stamps.isascii():
        is_good &= (text < _PAST_ASCII).all(axis=1)
    rows = np.flatnonzero(is_good)
    found = moments(_as_texts(stamps if len(rows) == len(text) else text[rows].tobytes(), text.shape[1]))
    us[rows] = found.us
    is_good[rows[found.bad]] = False
    return us


def _as_texts(data: bytes, size: int) -> pa.StringArray:
    offsets = np.arange(0, len(data) + 1, size, dtype=np.int32)
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


def _values(words: Words, chunks: _Chunks, form: _Form) -> _Values:
    """Find the values of chunks: numbers and their texts from the front, all else from the back."""
    closes, is_good = _ends(words, chunks, form)
    is_first, moment = chunks.is_first(), Pattern(*form.moment)
    sequence = words.numerals_from(chunks.at + len(form.start))
    interval = words.numerals_to(closes)
    before = interval.start - len(form.interval)
    chars = words.numerals_to(np.where(is_first, closes, before))
    start, end = sequence.end + len(form.delta), chars.start - moment.size
    is_good &= sequence.is_one & words.has(Pattern(form.delta), sequence.end) & (start <= end)
    is_good &= words.has(moment, end) & chars.is_one
    is_good &= is_first | (words.has(Pattern(form.interval), before) & interval.is_one)
    return _Values(sequence.values(), start, end, end + len(form.moment[0]), is_good)


def _ends(words: Words, chunks: _Chunks, form: _Form) -> tuple[Integers, Booleans]:
    """Return where the last value of each chunk ends, and whether what follows it, and begins an array, is right."""
    ends = np.append(chunks.at[1:], 0) - len(form.between)
    ends[chunks.last] = chunks.end - len(form.tail)
    is_good = words.has(Pattern(form.between), ends)
    is_good[chunks.last] = words.has(Pattern(form.tail), chunks.end - len(form.tail))
    is_good[chunks.first] &= words.has(Pattern(form.head), chunks.start)
    is_good[chunks.first] &= chunks.at[chunks.first] == chunks.start + len(form.head) - len(form.start)
    return ends, is_good
