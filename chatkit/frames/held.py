"""Parts on their way into one: columns grow in place, so that they are never in memory twice.

Texts are copied too: left as the pieces in which they were made, each would keep the memory around it from being
given back (35 bytes a chunk, half as much as a frame takes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from chatkit.frames.part import CHUNKS, MESSAGES, TEXTS, Part, is_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARE = 1.03
_MOST_SPARE_BYTES = 64_000_000
"""One response can have more text than all others: what it foretells is not asked of the system at once."""


class Held:
    """Messages that were parsed and are in memory.

    Columns get room for all that is to come, as the messages so far foretell it: memory that is not written to is not
    taken, and a column that grows is written twice.

    Args:
        n_expected: how many messages will come, about.
        most_chunks: how many chunks they have at most, about.

    Attributes:
        n_messages: messages.
        n_chunks: rows of their chunks.
        numbers: of each message, what its path is numbered.
    """

    def __init__(self, n_expected: int, most_chunks: int) -> None:
        self._n_expected, self._most_chunks = n_expected, most_chunks
        self.n_messages = 0
        self.n_chunks = 0
        self.numbers: list[int] = []
        self._messages: list[pa.Table] = []
        self._columns: dict[str, NDArray[Any]] = {}
        self._texts: dict[str, _GrowingText] = {}
        self._kinds: dict[str, list[pa.Array]] = {}

    def add(self, part: Part, numbers: list[int]) -> None:
        """Add the messages of a part, and the numbers of their paths."""
        n_chunks = self.n_chunks + int(part.starts[-1])
        spare = self._spare(self.n_messages + len(numbers), n_chunks)
        for name, column in part.chunks.items():
            if CHUNKS[name] == TEXTS:
                self._texts.setdefault(name, _GrowingText()).add(column, spare)
            elif is_text(name):
                self._kinds.setdefault(name, []).extend(column.chunks)
            else:
                held = self._columns.get(name, np.empty(0, dtype=column.dtype))
                self._columns[name] = held = _with_room(held, n_chunks, spare)
                held[self.n_chunks : n_chunks] = column
        self._messages.append(part.messages)
        self.n_messages, self.n_chunks = self.n_messages + len(numbers), n_chunks
        self.numbers += numbers

    def part(self) -> Part:
        """Return all as one part; nothing may be added any more."""
        chunks: dict[str, Any] = {}
        for name, column in self._columns.items():
            column.resize(self.n_chunks, refcheck=False)
            chunks[name] = column
        chunks |= {name: pa.chunked_array([text.array()]) for name, text in self._texts.items()}
        chunks |= {name: pa.chunked_array(pieces, CHUNKS[name]) for name, pieces in self._kinds.items()}
        return Part.of(pa.concat_tables(self._messages) if self._messages else MESSAGES.empty_table(), chunks)

    def _spare(self, n_messages: int, n_chunks: int) -> float:
        """Return how many times as many chunks will come as there are with these messages."""
        left = max(1.0, self._n_expected / n_messages) if n_messages else 1.0
        return max(1.0, min(left, self._most_chunks / max(n_chunks, 1))) * _SPARE


class _GrowingText:
    """A column of text that grows."""

    def __init__(self) -> None:
        self._n_rows, self._n_bytes = 0, 0
        self._ends, self._data = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8)

    def add(self, column: pa.ChunkedArray, spare: float) -> None:
        """Copy texts to the end; none of them is unknown. Of the room that is made, see :class:`Held`."""
        for chunk in column.chunks:
            _, offsets, data = chunk.buffers()
            bounds = np.frombuffer(offsets, dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
            n_rows, n_bytes = self._n_rows + len(chunk), self._n_bytes + int(bounds[-1] - bounds[0])
            self._ends, self._data = _with_room(self._ends, n_rows + 1, spare), _with_room(self._data, n_bytes, spare)
            self._ends[self._n_rows + 1 : n_rows + 1] = bounds[1:] + (self._n_bytes - bounds[0])
            text = np.frombuffer(data or b"", dtype=np.uint8)[bounds[0] : bounds[-1]]
            self._data[self._n_bytes : n_bytes] = text
            self._n_rows, self._n_bytes = n_rows, n_bytes

    def array(self) -> pa.LargeStringArray:
        """Return the column; nothing may be added any more."""
        self._ends.resize(self._n_rows + 1, refcheck=False)
        self._data.resize(self._n_bytes, refcheck=False)
        return pa.LargeStringArray.from_buffers(self._n_rows, pa.py_buffer(self._ends), pa.py_buffer(self._data))


def _with_room(column: NDArray[Any], n_rows: int, spare: float) -> NDArray[Any]:
    """Return a column with room for so many rows, and more; what it has is kept."""
    if len(column) >= n_rows:
        return column
    n_most = max(2 * n_rows, n_rows + _MOST_SPARE_BYTES // column.itemsize)
    roomy = np.empty(min(int(n_rows * spare), n_most) + 1, dtype=column.dtype)
    roomy[: len(column)] = column
    return roomy
