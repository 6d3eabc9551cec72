"""Message files into parts, some hundred at a time: the fast lane, and the models for what it does not take."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from chatkit.errors import CorruptFileError
from chatkit.frames.chunk_arrays import UndecidedError
from chatkit.frames.compaction import places_in
from chatkit.frames.files import ABSENT, MESSAGES
from chatkit.frames.held import Held
from chatkit.frames.message_file import chunks_of, file_of, message_file
from chatkit.frames.part import TEXTS, Part, Selection, Wanted
from chatkit.frames.rows import Entry, part_of
from chatkit.store.folder import ContextFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from chatkit.frames.files import Files, Key, Listing
    from chatkit.frames.progress import Progress
    from chatkit.models import Message

BATCH = 350
"""Messages that are made columns of together; two batches are held. With 500 a load of 20,000 is 6 % faster, and takes
5 bytes a chunk more."""
_BATCH_BYTES = 16_000_000
_THREADS = 1
"""More gain nothing: half of what they do holds Python's lock. Each holds a batch in memory."""
_FLUSH_ROWS = 3_000_000
"""So many rows of chunks are held before they are written to the cache and mapped from there."""
_NOT_OF_CONTENT = (OSError, RecursionError)
"""Why a file could not be read that may be read the next time: that is not remembered."""
_ID = len("00000000-0000-0000-0000-000000000000")
_MESSAGE_ID = slice(_ID + len(f"/{MESSAGES}/"), -len(".json"))


class Stored(NamedTuple):
    """What was cached of a part, mapped; and which of its rows."""

    segment: Part
    rows: NDArray[np.int64]


class _Numbered(NamedTuple):
    """Messages, and the numbers of their paths."""

    entries: list[Entry]
    numbers: list[int]


class _Waiting(NamedTuple):
    """A part that is being made, and of what."""

    part: Future[Part]
    batch: _Numbered


class Parsing:
    """Parses message files of one folder of contexts.

    Args:
        folder: the folder.
        files: the same, as files.
        keep: which columns of messages and chunks are wanted.
        progress: told of each batch.

    Attributes:
        parts: what was made.
        part: of each path, the number of its part; -1 where it has none.
        row: of each path, its row there.
        errors: of each path that no file holds, by its number, why it can't be read.
    """

    def __init__(self, folder: Path, files: Files, keep: Wanted, progress: Progress) -> None:
        self.parts: list[Part] = []
        self.part = np.empty(0, dtype=np.int64)
        self.row = np.empty(0, dtype=np.int64)
        self.errors: dict[int, CorruptFileError] = {}
        self._folder = folder
        self._files = files
        self._keep = keep
        self._progress = progress
        self._held = Held(0, 0)

    def run(self, paths: pa.ChunkedArray, listing: Listing, store: Callable[[Part], Stored | None]) -> None:
        """Parse files, and those that are not listed by the models: they may be in flight, or missing.

        Args:
            paths: what is wanted, each once.
            listing: the files that are there.
            store: caches a part.
        """
        self.part, self.row = np.full(len(paths), -1, dtype=np.int64), np.zeros(len(paths), dtype=np.int64)
        self._progress.expect(len(paths))
        self._held = Held(len(paths), _FLUSH_ROWS)
        waiting: deque[_Waiting] = deque()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="chatkit-columns") as columns:
            for batch in self._batches(self._entries(paths, listing)):
                waiting.append(_Waiting(columns.submit(part_of, batch.entries, self._keep), batch))
                if len(waiting) > _THREADS:
                    self._add(waiting.popleft(), store)
            while waiting:
                self._add(waiting.popleft(), store)
        self._flush(store)
        pa.default_memory_pool().release_unused()

    def _batches(self, entries: Iterable[tuple[int, Entry]]) -> Iterator[_Numbered]:
        """Yield entries by some hundred, fewer if they are large; while columns are made of them, the next are read."""
        several, n_bytes = _Numbered([], []), 0
        for number, entry in entries:
            several.entries.append(entry)
            several.numbers.append(number)
            n_bytes += entry.key[0]
            if len(several.entries) == BATCH or n_bytes > _BATCH_BYTES:
                yield several
                several, n_bytes = _Numbered([], []), 0
        if several.entries:
            yield several

    def _entries(self, paths: pa.ChunkedArray, listing: Listing) -> Iterator[tuple[int, Entry]]:
        places = places_in(paths, pa.array(listing.message_paths, TEXTS))
        listed = np.flatnonzero(places >= 0)
        names = [listing.message_paths[place] for place in places[listed].tolist()]
        of_listed = listing.message_keys[places[listed]]
        keys, files = map(np.ndarray.tolist, of_listed), self._files.read(names, of_listed[:, 0].tolist())
        for number, name, key, data in zip(listed.tolist(), names, keys, files, strict=True):
            if entry := self._entry(number, name, key, data):
                yield number, entry
        for number in np.flatnonzero(places < 0).tolist():
            if entry := self._by_models(number, paths[number].as_py(), ABSENT):
                yield number, entry

    def _entry(self, number: int, path: str, key: Key, data: bytes | OSError) -> Entry | None:
        if isinstance(data, OSError):
            return self._by_models(number, path, ABSENT)
        found = message_file(data, path[:_ID], path[_MESSAGE_ID])
        return self._by_models(number, path, key) if found is None else Entry(path, key, *found)

    def _by_models(self, number: int, path: str, key: Key) -> Entry | None:
        """Let the models say what is in a file, in a journal, or wrong."""
        context, message_id = ContextFolder(self._folder / path[:_ID]), path[_MESSAGE_ID]
        try:
            message = context.message(message_id)
        except FileNotFoundError:
            error = CorruptFileError(str(context.path), "", f"has no message {message_id}, but lists it")
        except CorruptFileError as damage:
            if damage.path == str(context.message_file(message_id)):
                key = ABSENT if isinstance(damage.__cause__, _NOT_OF_CONTENT) else key
                return Entry(path, key, where=damage.where, reason=damage.reason)
            error = damage
        else:
            return _entry_of(message, path, key)
        self.errors[number] = error
        return None

    def _add(self, waiting: _Waiting, store: Callable[[Part], Stored | None]) -> None:
        batch, part = waiting.batch, None
        while part is None:
            try:
                part = waiting.part.result() if batch is waiting.batch else part_of(batch.entries, self._keep)
            except UndecidedError as error:
                batch = self._decided(batch, set(error.rows))  # of chunks first, then perhaps of messages
        self._progress.step(len(batch.numbers))
        self._held.add(part, batch.numbers)
        if self._held.n_chunks > _FLUSH_ROWS:
            self._flush(store)

    def _decided(self, batch: _Numbered, undecided: set[int]) -> _Numbered:
        """Return a batch in which the models have decided about some rows."""
        better = _Numbered([], [])
        for row, (entry, number) in enumerate(zip(batch.entries, batch.numbers, strict=True)):
            decided = self._by_models(number, entry.path, entry.key) if row in undecided else entry
            if decided is not None:
                better.entries.append(decided)
                better.numbers.append(number)
        return better

    def _flush(self, store: Callable[[Part], Stored | None]) -> None:
        """Cache what is held; what was cached is mapped from there, and the memory given back."""
        numbers, part = np.array(self._held.numbers, dtype=np.int64), self._held.part()
        self.part[numbers], self.row[numbers] = len(self.parts), np.arange(len(numbers))
        self._held = Held(int(np.count_nonzero(self.part < 0)), _FLUSH_ROWS)
        stored = store(part)
        self.parts.append(part)
        if stored is None:
            return
        left = np.setdiff1d(np.arange(len(numbers)), stored.rows)
        self.parts[-1] = Selection([part], np.zeros_like(left), left).copied()
        self.row[numbers[left]] = np.arange(len(left))
        cached = numbers[stored.rows]
        self.part[cached], self.row[cached] = len(self.parts), np.arange(len(cached))
        self.parts.append(stored.segment)


def parts_of_messages(messages: Iterable[Message], keep: Wanted) -> list[Part]:
    """Make parts of messages that are models already, in their order."""
    parts, messages = [], iter(messages)
    while several := list(islice(messages, BATCH)):
        parts.append(part_of([_entry_of(message) for message in several], keep))
    return parts


def _entry_of(message: Message, path: str = "", key: Key = ABSENT) -> Entry:
    return Entry(path, key, file_of(message), message.content, chunks=chunks_of(message))
