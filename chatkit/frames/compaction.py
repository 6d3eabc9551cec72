"""Few segments, and little in them that no file says any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.part import ALL, MESSAGES_ONLY, Part, Selection
from chatkit.frames.places import Contexts
from chatkit.frames.segment import DamagedSegmentError, read_segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from chatkit.frames.segment import Segment
    from chatkit.frames.segment_cache import SegmentCache

_MOST_SEGMENTS = 8
_MOST_DEAD = 0.2


@dataclass(frozen=True, slots=True)
class Usage:
    """A segment, and which of its rows are live: their files are as they were, and no newer segment has them.

    Attributes:
        segment: the segment.
        contexts: of each of its contexts, whether it is live.
        messages: of each of its messages, likewise.
    """

    segment: Segment
    contexts: NDArray[np.bool_]
    messages: NDArray[np.bool_]

    @property
    def n_live(self) -> int:
        """Rows that are live."""
        return int(self.contexts.sum() + self.messages.sum())

    @property
    def n_dead(self) -> int:
        """Rows that are not."""
        return self.segment.n_rows - self.n_live


def tidy(cache: SegmentCache, used: Sequence[Usage], order: pa.ChunkedArray) -> None:
    """Put segments together when there are many, or much in them is dead.

    The largest stays as it is while it is larger than all others together and little in it is dead, so that a store
    that grows is not written anew over and over.

    Args:
        cache: where the segments are.
        used: all of them, with what is live.
        order: paths of message files, in the order in which tables have them.
    """
    cache.remove([usage.segment.path for usage in used if not usage.n_live])
    pool = sorted((usage for usage in used if usage.n_live), key=lambda usage: usage.n_live)
    n_dead, n_live = sum(usage.n_dead for usage in pool), sum(usage.n_live for usage in pool)
    if len(pool) <= _MOST_SEGMENTS and n_dead <= _MOST_DEAD * (n_dead + n_live):
        return
    largest = pool[-1]
    if largest.n_live * 2 > n_live and largest.n_dead <= _MOST_DEAD * largest.segment.n_rows:
        pool.pop()
    if pool and _merge(cache, pool, order):
        cache.remove([usage.segment.path for usage in pool])


def _merge(cache: SegmentCache, pool: Sequence[Usage], order: pa.ChunkedArray) -> bool:
    """Write the live rows of segments as one, in order; return whether that was done."""
    try:
        segments = [read_segment(usage.segment.path, ALL) for usage in pool]
    except (DamagedSegmentError, OSError):
        return False
    contexts = Contexts.together(
        [segment.contexts.take(np.flatnonzero(usage.contexts)) for segment, usage in zip(segments, pool, strict=True)]
    )
    rows = Rows.live([segment.part for segment in segments], [usage.messages for usage in pool])
    return cache.add(contexts, rows.in_order(order), MESSAGES_ONLY) is not None


@dataclass(frozen=True, slots=True)
class Rows:
    """Live messages of several parts, by the paths of their files."""

    parts: list[Part]
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    paths: pa.ChunkedArray

    @classmethod
    def live(cls, parts: Sequence[Part], masks: Sequence[NDArray[np.bool_]]) -> Rows:
        """Take the live ones of each part."""
        found = [np.flatnonzero(mask) for mask in masks]
        number = np.repeat(np.arange(len(found)), [len(rows) for rows in found])
        row = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
        paths = [part.messages["path"].filter(pa.array(mask)) for part, mask in zip(parts, masks, strict=True)]
        chunks = [chunk for column in paths for chunk in column.chunks]
        return cls(list(parts), number, row, pa.chunked_array(chunks, pa.large_string()))

    def places_of(self, paths: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
        """Return for each path its place among these rows; -1 where it has none."""
        return places_in(paths, self.paths)

    def in_order(self, paths: pa.ChunkedArray) -> Selection:
        """Return the messages with these paths, in this order, each once; the others are left out."""
        places = self.places_of(pc.unique(paths))
        places = places[places >= 0]
        return Selection(self.parts, self.part[places], self.row[places])


def places_in(values: pa.ChunkedArray | pa.Array, known: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Return for each value its place among the known ones, each of which is there once; -1 where it is none."""
    if len(values) == len(known) and _column(values).equals(_column(known)):
        return np.arange(len(values))
    found = pc.index_in(values, value_set=known)
    return np.asarray(pc.fill_null(found, -1)).astype(np.int64)


def _column(values: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([values]) if isinstance(values, pa.Array) else values
