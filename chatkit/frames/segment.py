"""One segment of the cache: a file of Arrow tables that is written once, renamed into place, and mapped to be read.

The tables stand one after another, each as an Arrow stream: contexts, places, messages, then the columns of the chunks,
a table each; at the end is where each of them ends. Each is mapped by itself, so that a column that is not wanted any
more takes no memory. One file is opened twice as fast as one for each table, which counts where a store is small.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from mmap import ACCESS_COPY, ALLOCATIONGRANULARITY, mmap
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from chatkit.frames.part import CHUNKS, MESSAGES, Part, is_text
from chatkit.frames.places import CONTEXTS, PLACES, Contexts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    from numpy.typing import NDArray

    from chatkit.frames.part import ChunkColumn, Selection, Wanted

UNFINISHED = ".tmp-"
SUFFIX = ".arrows"
_SCHEMAS = [CONTEXTS, PLACES, MESSAGES, *(pa.schema([column]) for column in CHUNKS.items())]
_FIRST_COLUMN = 3
_ENDS = struct.Struct(f"<{len(_SCHEMAS)}q")
"""Where each table ends, at the end of the file."""


class DamagedSegmentError(Exception):
    """A segment is not as it was written."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment holds, mapped: changes that a frame's owner makes to columns stay in that frame.

    Attributes:
        path: its file.
        contexts: contexts and places, each with the keys of its files.
        part: messages with the keys of their files, and the chunk columns that were asked for.
    """

    path: Path
    contexts: Contexts
    part: Part

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
            ends = [_write(file, table) for table in _tables(contexts, messages)]
            file.write(_ENDS.pack(*ends))
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

    A file that was written to since it was made (its time of change says so) is not believed. Bytes that a bad disk
    changes within values are not seen: to look for them would take as long as to parse the files.

    Raises:
        OSError: it can't be opened; FileNotFoundError: it is gone, another process has put its rows elsewhere.
        DamagedSegmentError: it is not as it was written.
    """
    with _opened(path) as file:
        rows, places, messages = (file.table(number)[1] for number in range(_FIRST_COLUMN))
        return _with_chunks(Segment(path, Contexts(rows, places), Part.of(messages, {})), file, keep)


def with_chunks(segment: Segment, keep: Wanted) -> Segment:
    """Map other columns of a segment's chunks; raises what :func:`read_segment` does."""
    with _opened(segment.path) as file:
        return _with_chunks(segment, file, keep)


def size_of(path: Path) -> int:
    """Return the bytes of a segment; 0 if it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    try:
        with path.open("rb", buffering=0) as file:
            stat = os.fstat(file.fileno())
            if stat.st_mtime_ns != _stamp_ns(path.name):
                raise ValueError("changed since it was written")
            yield _File(file, stat.st_size)
    except (pa.ArrowException, ValueError, KeyError, IndexError, struct.error) as error:
        raise DamagedSegmentError(f"{path}: {error}") from error


class _File:
    """A segment's file, as long as it is open."""

    def __init__(self, file: FileIO, n_bytes: int) -> None:
        self._handle = file.fileno()
        file.seek(max(n_bytes - _ENDS.size, 0))
        self._bounds = [0, *_ENDS.unpack(file.read(_ENDS.size))]
        if self._bounds != sorted(self._bounds) or self._bounds[-1] != n_bytes - _ENDS.size:
            raise ValueError("tables that end nowhere")

    def table(self, number: int) -> tuple[NDArray[np.uint8], pa.Table]:
        """Map a table privately: what is written to its memory is nobody else's, and never in the file."""
        start, end = self._bounds[number : number + 2]
        before = start % ALLOCATIONGRANULARITY
        mapped = mmap(self._handle, end - start + before, access=ACCESS_COPY, offset=start - before)
        data = np.frombuffer(mapped, dtype=np.uint8)
        table = pa.ipc.open_stream(pa.py_buffer(data[before:])).read_all()
        if table.schema != _SCHEMAS[number]:
            raise ValueError("other columns than it should have")
        return data, table


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


def _write(file: BinaryIO, table: pa.Table) -> int:
    """Write a table; return where it ends."""
    table = table.unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return file.tell()


def _with_chunks(segment: Segment, file: _File, keep: Wanted) -> Segment:
    columns = {
        name: _column(name, *file.table(number))
        for number, name in enumerate(CHUNKS, _FIRST_COLUMN)
        if name in keep.chunks
    }
    lengths = {len(column) for column in columns.values()}
    contexts, n_chunks = segment.contexts, segment.part.starts[-1]
    if lengths - {n_chunks} or contexts.counts.sum() != contexts.places.num_rows:
        raise ValueError("tables of unequal length")
    return replace(segment, part=replace(segment.part, chunks=columns))


def _column(name: str, mapped: NDArray[np.uint8], table: pa.Table) -> ChunkColumn:
    """Return a column of the chunks; its numbers are those in the mapped file."""
    [column] = table.columns
    if column.num_chunks > 1:
        raise ValueError(f"{name} in several pieces")
    if is_text(name):
        return column
    dtype = np.dtype(column.type.to_pandas_dtype() if name != "timestamp" else np.int64)
    if not column.num_chunks:
        return np.empty(0, dtype=dtype)
    [values] = column.chunks
    start = values.buffers()[1].address - mapped.ctypes.data
    return mapped[start : start + len(values) * dtype.itemsize].view(dtype)
