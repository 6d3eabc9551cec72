"""Columns of messages and chunks as they are kept between files and frames, in memory or in a mapped file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from chatkit.frames.moments import UTC_US
from chatkit.timing import FIGURES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

TEXTS, WHOLE, REAL = pa.large_string(), pa.int64(), pa.float64()
KEY = ("size", "mtime_ns", "ctime_ns", "inode")
TOKENS = (
    "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip

MESSAGES = pa.schema(
    [
        ("path", TEXTS),
        *((name, WHOLE) for name in KEY),
        ("is_read", pa.bool_()),
        ("where", TEXTS),
        ("reason", TEXTS),
        ("message_id", TEXTS),
        ("parent_id", TEXTS),
        ("role", TEXTS),
        ("message_type", TEXTS),
        ("created_at", UTC_US),
        ("text_chars", WHOLE),
        ("preview", TEXTS),
        ("labels", TEXTS),
        ("is_response", pa.bool_()),
        ("n_rows", WHOLE),
        ("model", TEXTS),
        ("finish_reason", TEXTS),
        ("status", TEXTS),
        ("started_at", UTC_US),
        ("completed_at", UTC_US),
        *((name, REAL) for name in FIGURES),
        *((name, WHOLE) for name in TOKENS),
        ("server_prompt_ms", REAL),
        ("server_decode_ms", REAL),
    ]
)
"""A row a message file. A bad one has ``where`` and ``reason`` and nothing else; ``n_rows`` counts its chunk rows."""

CHUNKS: dict[str, pa.DataType] = {
    "sequence": WHOLE,
    "kind": pa.dictionary(pa.int32(), TEXTS),
    "delta": TEXTS,
    "timestamp": UTC_US,
    "offset_ms": REAL,
    "elapsed_ms": REAL,
    "gap_ms": REAL,
    "n_chars": WHOLE,
    "accumulated_chars": WHOLE,
    "is_stall": pa.uint8(),
}
"""A row a chunk, in the order of the messages; a byte for truth, as numpy has it."""


class Wanted(NamedTuple):
    """What is made of messages.

    Attributes:
        chunks: columns of :data:`CHUNKS`.
        messages: columns of :data:`MESSAGES`; others are null.
    """

    chunks: Collection[str] = ()
    messages: Collection[str] = MESSAGES.names


ALL, MESSAGES_ONLY = Wanted(CHUNKS.keys()), Wanted()
FOR_CHUNKS = ("is_read", "where", "reason", "labels", "is_response", "n_rows", "model", "started_at")
"""What a table of chunks asks of the messages: for what is wrong with them, for filters and labels."""

ChunkColumn: TypeAlias = Any
"""Text and kinds as Arrow has them, all else as numpy has it: times as µs since the epoch."""


def is_text(name: str) -> bool:
    """Whether a column of the chunks is kept as Arrow has it."""
    return name in {"kind", "delta"}


_NUMPY = {name: np.dtype(np.float64 if kind == REAL else np.int64) for name, kind in CHUNKS.items()} | {
    "is_stall": np.dtype(np.uint8)
}
_MOST_PIECES = 256
"""Text in more pieces than this is slower to work with than it is to copy."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some messages and their chunks.

    Attributes:
        messages: :data:`MESSAGES`.
        chunks: those columns of :data:`CHUNKS` that are wanted. Arrays may be handed on to a frame: nobody else
            has them.
        starts: for each message, its first row among the chunks; one more at the end.
    """

    messages: pa.Table
    chunks: dict[str, ChunkColumn]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, messages: pa.Table, chunks: dict[str, ChunkColumn]) -> Part:
        """Put tables together."""
        counts = messages["n_rows"].to_numpy()
        return cls(messages, chunks, np.concatenate(([0], np.cumsum(counts))).astype(np.int64))


class Selection:
    """Rows of several parts, in an order of their own.

    Args:
        parts: where the rows are.
        part: of each row, the number of its part.
        row: of each row, its place among the messages of its part.
    """

    def __init__(self, parts: Sequence[Part], part: NDArray[np.int64], row: NDArray[np.int64]) -> None:
        self.parts = list(parts)
        self.part = part
        self.row = row

    def __len__(self) -> int:
        return len(self.part)

    def where(self, keep: NDArray[np.bool_]) -> Selection:
        """Return only the rows at which ``keep`` is true."""
        return self if keep.all() else Selection(self.parts, self.part[keep], self.row[keep])

    @classmethod
    def together(cls, several: Sequence[Selection]) -> Selection:
        """Put rows of several origins together."""
        before = np.cumsum([0, *(len(one.parts) for one in several)])
        part = [np.where(one.part < 0, -1, one.part + first) for one, first in zip(several, before, strict=False)]
        none = np.empty(0, dtype=np.int64)
        return cls(
            [part for one in several for part in one.parts],
            np.concatenate([none, *part]),
            np.concatenate([none, *(one.row for one in several)]),
        )

    def take(self, rows: NDArray[np.int64]) -> Selection:
        """Return rows in another order, or some of them."""
        return Selection(self.parts, self.part[rows], self.row[rows])

    @cached_property
    def _together(self) -> tuple[pa.Table, pa.Array | None]:
        """The messages of all parts, and which of them these are; None if they are all, in this order."""
        if not self.parts:
            return MESSAGES.empty_table(), None
        before = np.cumsum([0, *(part.messages.num_rows for part in self.parts)])
        together = pa.concat_tables([part.messages for part in self.parts])
        rows = before[self.part] + self.row
        is_all = len(rows) == len(together) and (rows == np.arange(len(rows))).all()
        return together, None if is_all else pa.array(rows)

    def messages(self, names: Sequence[str]) -> pa.Table:
        """Return columns of the messages."""
        together, rows = self._together
        found = together.select(names)
        return found if rows is None else found.take(rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column of the messages."""
        return self.messages([name])[name]

    def counts(self) -> NDArray[np.int64]:
        """Return the number of chunk rows of each message."""
        return np.asarray(self.column("n_rows"), dtype=np.int64)

    @cached_property
    def runs(self) -> list[tuple[Part, int, int]]:
        """The chunk rows of all messages as few runs of neighbouring rows: part, first row, end."""
        starts, ends = np.empty(len(self), dtype=np.int64), np.empty(len(self), dtype=np.int64)
        for number, part in enumerate(self.parts):
            mine = self.part == number
            starts[mine], ends[mine] = part.starts[self.row[mine]], part.starts[self.row[mine] + 1]
        filled = np.flatnonzero(ends > starts)
        if not len(filled):
            return []
        part_of, starts, ends = self.part[filled], starts[filled], ends[filled]
        breaks = np.flatnonzero((starts[1:] != ends[:-1]) | (part_of[1:] != part_of[:-1])) + 1
        first, last = np.concatenate(([0], breaks)), np.concatenate((breaks, [len(filled)])) - 1
        return [
            (self.parts[number], start, end)
            for number, start, end in zip(
                part_of[first].tolist(), starts[first].tolist(), ends[last].tolist(), strict=True
            )
        ]

    @cached_property
    def is_small(self) -> bool:
        """Whether less than half of what the parts hold is wanted: then it is copied, and they can be let go."""
        return 2 * sum(end - start for _, start, end in self.runs) < sum(int(part.starts[-1]) for part in self.parts)

    def copied(self) -> Part:
        """Return these rows as a part of their own."""
        names = {name: None for part in self.parts for name in part.chunks}
        chunks = {name: self.texts(name) if is_text(name) else self.numbers(name) for name in names}
        return Part.of(self.messages(MESSAGES.names), chunks)

    def numbers(self, name: str) -> NDArray[Any]:
        """Return one column of all chunks that are no text; one that may be written to."""
        pieces = [part.chunks[name][start:end] for part, start, end in self.runs]
        if len(pieces) == 1 and pieces[0].flags.writeable and not self.is_small:
            alone: NDArray[Any] = pieces[0]
            return alone
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=_NUMPY[name])

    def forget(self, name: str) -> None:
        """Give back the memory of a column of the chunks that a frame has now."""
        for part in self.parts:
            part.chunks.pop(name, None)

    def texts(self, name: str) -> pa.ChunkedArray:
        """Return one column of all chunks that are text, or kinds; nothing is copied unless it is in many pieces."""
        pieces = [part.chunks[name][start:end] for part, start, end in self.runs]
        joined = pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], CHUNKS[name])
        if joined.num_chunks <= _MOST_PIECES and not self.is_small:
            return joined
        # combine_chunks gives an array, and of a single chunk no copy
        return pa.chunked_array(
            [pa.concat_arrays(joined.unify_dictionaries().chunks)] if len(joined) else [], CHUNKS[name]
        )
