"""One segment of the cache: a file of Arrow tables that is written once, renamed into place, and mapped to be read.

The tables stand one after another, each as an Arrow stream: contexts, places, messages, then the columns of the chunks,
a table each. One file is opened three times as fast as one for each of them, which counts where a store is small.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from mmap import ACCESS_COPY, mmap
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from chatkit.frames.part import CHUNKS, MESSAGES, Part, is_text
from chatkit.frames.places import CONTEXTS, PLACES, Contexts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from chatkit.frames.part import ChunkColumn, Selection, Wanted

UNFINISHED = ".tmp-"
SUFFIX = ".arrows"
_COLUMNS = {name: pa.schema([(name, kind)]) for name, kind in CHUNKS.items()}


class DamagedSegmentError(Exception):
    """A segment is not as it was written."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment holds, mapped: changes that a frame's owner makes to columns stay in that frame.

    Attributes:
        path: its file.
        contexts: contexts and places, each with the keys of its files.
        part: messages with the keys of their files, and the chunk columns that were asked for.
        chunks_at: the byte at which the columns of the chunks begin.
    """

    path: Path
    contexts: Contexts
    part: Part
    chunks_at: int

    @property
    def n_rows(self) -> int:
        """Rows that can be live or dead: those of contexts and of messages."""
        return int(self.contexts.rows.num_rows + self.part.messages.num_rows)


def write_segment(folder: Path, contexts: Contexts, messages: Selection) -> Path:
    """Write a segment; it is there as a whole or not at all, and forced to the disk before it is there.

    Raises:
        OSError: the disk is full, or the folder can't be written to.
    """
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}{SUFFIX}"
    unfinished = folder / f"{UNFINISHED}{name}"
    try:
        with unfinished.open("wb") as file:
            for table in _tables(contexts, messages):
                _write(file, table)
            file.flush()
            os.fsync(file.fileno())
        os.utime(unfinished, ns=(_stamp_ns(name), _stamp_ns(name)))
        unfinished.rename(folder / name)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    return folder / name


def read_segment(path: Path, keep: Wanted) -> Segment:
    """Map a segment, with these columns of its chunks.

    A file that was written to since it was made (its time of change says so) is not believed.

    Raises:
        FileNotFoundError: it is gone: another process has put its rows elsewhere.
        DamagedSegmentError: it is not as it was written.
    """
    with _damage(path):
        mapped = _map(path)
        tables = pa.BufferReader(pa.py_buffer(mapped))
        contexts = Contexts(_table(tables, CONTEXTS), _table(tables, PLACES))
        part = Part.of(_table(tables, MESSAGES), {})
        segment = Segment(path, contexts, part, tables.tell())
        return _with_chunks(segment, mapped, keep)


def with_chunks(segment: Segment, keep: Wanted) -> Segment:
    """Map other columns of a segment's chunks; raises what :func:`read_segment` does."""
    with _damage(segment.path):
        return _with_chunks(segment, _map(segment.path), keep)


def size_of(path: Path) -> int:
    """Return the bytes of a segment; 0 if it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, KeyError, IndexError) as error:
        raise DamagedSegmentError(f"{path}: {error}") from error


def _stamp_ns(name: str) -> int:
    """Return the time that a segment's file is given: one that every file system can hold, told by its name."""
    return int(name.partition("-")[0]) // 2_000_000_000 * 2_000_000_000


def _tables(contexts: Contexts, messages: Selection) -> Iterator[pa.Table]:
    """Yield the tables of a segment, made one by one: of the chunks not all columns are copied at once."""
    yield contexts.rows
    yield contexts.places
    yield messages.messages(MESSAGES.names)
    for column in CHUNKS:
        yield pa.table({column: _arrow(messages, column)})


def _arrow(messages: Selection, column: str) -> pa.ChunkedArray | pa.Array:
    if is_text(column):
        return messages.texts(column)
    numbers = messages.numbers(column)
    return pa.array(numbers) if column != "timestamp" else pa.array(numbers).cast(CHUNKS[column])


def _write(file: BinaryIO, table: pa.Table) -> None:
    table = table.unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def _map(path: Path) -> NDArray[np.uint8]:
    """Map a file privately: what is written to its memory is nobody else's, and never in the file."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mtime_ns != _stamp_ns(path.name):
            raise DamagedSegmentError(f"{path}: changed since it was written")
        return np.frombuffer(mmap(file.fileno(), 0, access=ACCESS_COPY), dtype=np.uint8)


def _table(tables: pa.BufferReader, schema: pa.Schema) -> pa.Table:
    """Read the next table."""
    table = pa.ipc.open_stream(tables).read_all()
    if table.schema != schema:
        raise DamagedSegmentError("other columns than it should have")
    return table


def _with_chunks(segment: Segment, mapped: NDArray[np.uint8], keep: Wanted) -> Segment:
    tables = pa.BufferReader(pa.py_buffer(mapped))
    tables.seek(segment.chunks_at)
    columns = {name: _column(name, _table(tables, schema), mapped) for name, schema in _COLUMNS.items()}
    lengths = {len(column) for column in columns.values()}
    contexts, n_chunks = segment.contexts, segment.part.starts[-1]
    if lengths != {n_chunks} or contexts.counts.sum() != contexts.places.num_rows:
        raise DamagedSegmentError(f"{segment.path}: its tables are of unequal length")
    chunks = {name: column for name, column in columns.items() if name in keep.chunks}
    return replace(segment, part=replace(segment.part, chunks=chunks))


def _column(name: str, table: pa.Table, mapped: NDArray[np.uint8]) -> ChunkColumn:
    """Return a column of the chunks; its numbers are those in the mapped file."""
    [column] = table.columns
    if column.num_chunks > 1:
        raise DamagedSegmentError(f"{name}: in several pieces")
    if is_text(name):
        return column
    dtype = np.dtype(column.type.to_pandas_dtype() if name != "timestamp" else np.int64)
    if not column.num_chunks:
        return np.empty(0, dtype=dtype)
    [values] = column.chunks
    start = values.buffers()[1].address - mapped.ctypes.data
    return mapped[start : start + len(values) * dtype.itemsize].view(dtype)
