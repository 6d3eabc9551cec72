"""Parts on their way into one: numbers grow in place, so that they are never in memory twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from chatkit.frames.part import CHUNKS, MESSAGES, Part, is_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROWTH = 1.125


class Held:
    """Messages that were parsed and are in memory.

    Attributes:
        n_messages: messages.
        n_chunks: rows of their chunks.
        numbers: of each message, what its path is numbered.
    """

    def __init__(self) -> None:
        self.n_messages = 0
        self.n_chunks = 0
        self.numbers: list[int] = []
        self._messages: list[pa.Table] = []
        self._columns: dict[str, NDArray[Any]] = {}
        self._texts: dict[str, list[pa.Array]] = {}

    def add(self, part: Part, numbers: list[int]) -> None:
        """Add the messages of a part, and the numbers of their paths."""
        n_chunks = self.n_chunks + int(part.starts[-1])
        for name, column in part.chunks.items():
            if is_text(name):
                self._texts.setdefault(name, []).extend(column.chunks)
            else:
                self._room(name, column.dtype, n_chunks)[self.n_chunks : n_chunks] = column
        self._messages.append(part.messages)
        self.n_messages, self.n_chunks = self.n_messages + len(numbers), n_chunks
        self.numbers += numbers

    def part(self) -> Part:
        """Return all as one part; nothing may be added any more."""
        chunks: dict[str, Any] = {}
        for name, column in self._columns.items():
            column.resize(self.n_chunks, refcheck=False)
            chunks[name] = column
        chunks |= {name: pa.chunked_array(pieces, CHUNKS[name]) for name, pieces in self._texts.items()}
        return Part.of(pa.concat_tables(self._messages) if self._messages else MESSAGES.empty_table(), chunks)

    def _room(self, name: str, dtype: np.dtype[Any], n_rows: int) -> NDArray[Any]:
        """Return a column with room for so many rows; large ones are moved by the system, not copied."""
        column = self._columns.setdefault(name, np.empty(0, dtype=dtype))
        if len(column) < n_rows:
            column.resize(max(n_rows, int(len(column) * _GROWTH)), refcheck=False)
        return column
