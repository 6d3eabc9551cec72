"""One segment of the cache: a folder of Arrow files that is written once, renamed into place, and mapped to be read."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from mmap import ACCESS_COPY, mmap
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from chatkit.frames.part import CHUNKS, MESSAGES, Part, is_text
from chatkit.frames.places import CONTEXTS, PLACES, Contexts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.frames.part import ChunkColumn, Selection, Wanted

UNFINISHED = ".tmp-"
_CONTEXTS, _PLACES, _MESSAGES = "contexts.arrow", "places.arrow", "messages.arrow"
_FILES = (_CONTEXTS, _PLACES, _MESSAGES, *(f"chunks-{name}.arrow" for name in CHUNKS))


class DamagedSegmentError(Exception):
    """A segment is not as it was written."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a segment holds, mapped: changes that a frame's owner makes to columns stay in that frame.

    Attributes:
        path: its folder.
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
    name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    unfinished = folder / f"{UNFINISHED}{name}"
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        _write(unfinished / _CONTEXTS, contexts.rows)
        _write(unfinished / _PLACES, contexts.places)
        _write(unfinished / _MESSAGES, messages.messages(MESSAGES.names))
        for column in CHUNKS:
            _write(unfinished / f"chunks-{column}.arrow", pa.table({column: _arrow(messages, column)}))
        for file in _FILES:
            os.utime(unfinished / file, ns=(_stamp_ns(name), _stamp_ns(name)))
        unfinished.rename(folder / name)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
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
        contexts = Contexts(_table(path / _CONTEXTS, CONTEXTS), _table(path / _PLACES, PLACES))
        part = Part.of(_table(path / _MESSAGES, MESSAGES), {})
    return with_chunks(Segment(path, contexts, part), keep)


def with_chunks(segment: Segment, keep: Wanted) -> Segment:
    """Map other columns of a segment's chunks; raises what :func:`read_segment` does."""
    path = segment.path
    with _damage(path):
        for file in _FILES:
            if (path / file).stat().st_mtime_ns != _stamp_ns(path.name):
                raise DamagedSegmentError(f"{path / file}: changed since it was written")
        wanted = [name for name in CHUNKS if name in keep.chunks]
        part = replace(segment.part, chunks={name: _column(path / f"chunks-{name}.arrow", name) for name in wanted})
    _check(segment.contexts, part, path)
    return replace(segment, part=part)


def size_of(path: Path) -> int:
    """Return the bytes of a segment's files; 0 if it is gone."""
    try:
        return sum(entry.stat().st_size for entry in os.scandir(path))
    except OSError:
        return 0


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, KeyError, IndexError) as error:
        raise DamagedSegmentError(f"{path}: {error}") from error


def _check(contexts: Contexts, part: Part, path: Path) -> None:
    lengths = {len(column) for column in part.chunks.values()}
    if lengths - {part.starts[-1]} or contexts.counts.sum() != contexts.places.num_rows:
        raise DamagedSegmentError(f"{path}: its tables are of unequal length")


def _stamp_ns(name: str) -> int:
    """Return the time that a segment's files are given: one that every file system can hold, told by its name."""
    return int(name.partition("-")[0]) // 2_000_000_000 * 2_000_000_000


def _arrow(messages: Selection, column: str) -> pa.ChunkedArray | pa.Array:
    if is_text(column):
        return messages.texts(column)
    numbers = messages.numbers(column)
    return pa.array(numbers) if column != "timestamp" else pa.array(numbers).cast(CHUNKS[column])


def _write(path: Path, table: pa.Table) -> None:
    table = table.unify_dictionaries().combine_chunks()
    with path.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())


def _map(path: Path) -> tuple[np.ndarray[Any, Any], pa.Table]:
    """Map a file privately: what is written to its memory is nobody else's, and never in the file."""
    with path.open("rb") as file:
        mapped = np.frombuffer(mmap(file.fileno(), 0, access=ACCESS_COPY), dtype=np.uint8)
    return mapped, pa.ipc.open_file(pa.py_buffer(mapped)).read_all()


def _table(path: Path, schema: pa.Schema) -> pa.Table:
    _, table = _map(path)
    if table.schema != schema:
        raise DamagedSegmentError(f"{path}: other columns than it should have")
    return table


def _column(path: Path, name: str) -> ChunkColumn:
    mapped, table = _map(path)
    column = table[name]
    if column.type != CHUNKS[name] or column.num_chunks > 1:
        raise DamagedSegmentError(f"{path}: not the column that it should be")
    if is_text(name):
        return column
    dtype = np.dtype(column.type.to_pandas_dtype() if name != "timestamp" else np.int64)
    if not column.num_chunks:
        return np.empty(0, dtype=dtype)
    [values] = column.chunks
    start = values.buffers()[1].address - mapped.ctypes.data
    return mapped[start : start + len(values) * dtype.itemsize].view(dtype)
