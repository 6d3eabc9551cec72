"""The chunks of many responses, from JSON into arrays.

Three lanes that say the same: arrays that are written alike are read without a parser, msgspec takes the others, and
the models decide about what it refuses.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.alike import alike
from chatkit.frames.message_file import ChunkFile, is_plain
from chatkit.frames.moments import moments
from chatkit.frames.part import TEXTS
from chatkit.models.response import TEXT
from chatkit.models.text import code_points, well_formed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from msgspec import Raw
    from numpy.typing import NDArray

    Chunks = Raw | list[ChunkFile]
    """As a file has them, or as a model gives them."""
    Integers = NDArray[np.int64]

_ZEROS = np.zeros(1 << 16, dtype=np.int32)
"""Shared by all that have one kind only: four bytes a chunk less."""
_decode = msgspec.json.Decoder(list[ChunkFile]).decode


class UndecidedError(Exception):
    """Some rows hold what only the models can decide about."""

    def __init__(self, rows: Iterable[int]) -> None:
        self.rows = sorted(set(rows))
        super().__init__(f"rows {self.rows}")


class ChunkArrays(NamedTuple):
    """All chunks of some responses, flat.

    Attributes:
        counts: chunks of each response.
        sequence: as stored.
        delta: large strings; half characters as U+FFFD.
        n_chars: code points that each adds.
        us: arrivals in µs since the epoch.
        kind: a dictionary of large strings.
    """

    counts: Integers
    sequence: Integers
    delta: pa.Array
    n_chars: Integers
    us: Integers
    kind: pa.DictionaryArray

    @property
    def is_all_text(self) -> bool:
        """Whether every chunk is answer text."""
        return self.kind.dictionary.to_pylist() in ([TEXT], [])

    def in_order(self, numbers: Integers) -> ChunkArrays:
        """Put responses into the order of their numbers."""
        order = np.argsort(numbers)
        starts, counts = (np.cumsum(self.counts) - self.counts)[order], self.counts[order]
        rows = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        taken = [column.take(pa.array(rows)) if isinstance(column, pa.Array) else column[rows] for column in self[1:]]
        return ChunkArrays(counts, *taken)


def chunk_arrays(several: Sequence[Chunks]) -> ChunkArrays:
    """Make arrays of the chunks of each response.

    Raises:
        UndecidedError: some can't be told here, by their numbers.
    """
    texts_of = {number: chunks for number, chunks in enumerate(several) if not isinstance(chunks, list)}
    numbers, found = _written_alike(texts_of)
    others = np.setdiff1d(np.arange(len(several)), numbers)
    if not len(others):
        return found
    rest = _parsed([several[number] for number in others.tolist()], others)
    if not len(numbers):
        return rest
    return _together(found, rest).in_order(np.concatenate([numbers, others]))


def _written_alike(texts_of: dict[int, Raw]) -> tuple[Integers, ChunkArrays]:
    """Return the numbers of the responses that are written alike, and their chunks."""
    known = np.array(list(texts_of), dtype=np.int64)
    found = alike(list(texts_of.values()))
    if found is None:
        return known[:0], _arrays([], known[:0])
    n_chars = np.asarray(pc.utf8_length(found.delta)).astype(np.int64)
    kinds = _same_kind(len(n_chars))
    return known[found.numbers], ChunkArrays(found.counts, found.sequence, found.delta, n_chars, found.us, kinds)


def _parsed(several: Sequence[Chunks], numbers: Integers) -> ChunkArrays:
    lists: list[list[ChunkFile]] = []
    undecided = []
    for number, chunks in zip(numbers.tolist(), several, strict=True):
        try:
            lists.append(chunks if isinstance(chunks, list) else _list_of(chunks))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            undecided.append(number)
    if undecided:
        raise UndecidedError(undecided)
    return _arrays(lists, numbers)


def _list_of(chunks: Raw) -> list[ChunkFile]:
    if not is_plain(bytes(chunks)):
        raise msgspec.DecodeError("what no chunk has is not looked at otherwise")
    return _decode(chunks)


def _arrays(lists: list[list[ChunkFile]], numbers: Integers) -> ChunkArrays:
    flat = list(chain.from_iterable(lists))
    counts = np.array([len(chunks) for chunks in lists], dtype=np.int64)
    read = moments([chunk.timestamp for chunk in flat])
    if len(read.bad):
        raise UndecidedError(np.repeat(numbers, counts)[read.bad].tolist())
    kinds = [chunk.kind for chunk in flat]
    delta, n_chars = _deltas([chunk.delta for chunk in flat], counts)
    return ChunkArrays(
        counts,
        np.array([chunk.sequence for chunk in flat], dtype=np.int64),
        delta,
        n_chars,
        read.us,
        _same_kind(len(kinds)) if kinds.count(TEXT) == len(kinds) else texts(kinds).dictionary_encode(),
    )


def _together(first: ChunkArrays, second: ChunkArrays) -> ChunkArrays:
    kinds = pa.chunked_array([first.kind, second.kind]).unify_dictionaries()
    return ChunkArrays(
        np.concatenate([first.counts, second.counts]),
        np.concatenate([first.sequence, second.sequence]),
        pa.concat_arrays([first.delta, second.delta]),
        np.concatenate([first.n_chars, second.n_chars]),
        np.concatenate([first.us, second.us]),
        pa.concat_arrays(kinds.chunks),
    )


def texts(values: list[Any]) -> pa.Array:
    """Make a column of text; half characters, which it can't hold, become U+FFFD."""
    try:
        return pa.array(values, TEXTS)
    except UnicodeEncodeError:
        return pa.array([None if text is None else well_formed(text) for text in values], TEXTS)


def _deltas(deltas: list[str], counts: Integers) -> tuple[pa.Array, Integers]:
    """Make a column of deltas, and count the code points that each adds; a character is cut within a response only."""
    try:
        made = pa.array(deltas, TEXTS)
    except UnicodeEncodeError:
        ends = np.cumsum(counts).tolist()
        of_response = (code_points(deltas[end - count : end]) for end, count in zip(ends, counts.tolist(), strict=True))
        return texts(deltas), np.array(list(chain.from_iterable(of_response)), dtype=np.int64)
    return made, np.asarray(pc.utf8_length(made)).astype(np.int64)


def _same_kind(count: int) -> pa.DictionaryArray:
    codes = _ZEROS[:count] if count <= len(_ZEROS) else np.zeros(count, dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([TEXT], TEXTS))
