"""What the scan asks of a place where contexts are: which files are there, and their bytes.

A place is one folder of contexts in chatkit's own format, on a disk (here) or behind a URL
(:mod:`chatkit.frames.remote_files`). Old formats never come here: the models read them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from chatkit.store.ids import is_id
from chatkit.store.journal import SUFFIX as JOURNAL_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

METADATA, INDEX, MESSAGES = "metadata.json", "index.json", "messages"
_SUFFIX = ".json"
_NAME_CHARS = len("00000000-0000-0000-0000-000000000000.json")
_MORE_BYTES = 1 << 16


class FileKey(NamedTuple):
    """What changes when a file does; each number fits 64 bits with a sign.

    Behind a URL an etag says all: it is folded into ``inode`` (63 bits of a hash) and the times are 0; without an
    etag ``mtime_ns`` is the object's time and ``ctime_ns`` and ``inode`` are 0.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


Key = tuple[int, int, int, int]
"""A :class:`FileKey`, or a plain tuple like one."""
ABSENT = FileKey(-1, -1, -1, -1)
"""The key of a file that is not there."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of a folder of contexts. Paths are relative to it, with ``/``.

    Attributes:
        context_ids: the contexts in chatkit's own format, sorted.
        metadata_keys: keys of their ``metadata.json``, shape ``(n, 4)``; :data:`ABSENT` where there is none.
        index_keys: keys of their ``index.json``, likewise.
        message_paths: ``{context_id}/messages/{message_id}.json`` of every message file, in any order.
        message_keys: their keys, shape ``(m, 4)``.
        with_journals: contexts in which a response is in flight, or was left so.
        others: whether something else is there: contexts in an old format, or what can't be told without a look.
    """

    context_ids: list[str]
    metadata_keys: NDArray[np.int64]
    index_keys: NDArray[np.int64]
    message_paths: list[str]
    message_keys: NDArray[np.int64]
    with_journals: frozenset[str]
    others: bool = False

    @classmethod
    def of(cls, files: Iterable[tuple[str, FileKey]]) -> Listing:
        """Sort files into a listing; what is no context's file is left out, but ``others`` tells of it.

        >>> here = "0c0e3f5e-0000-4000-8000-000000000001"
        >>> found = Listing.of([(f"{here}/metadata.json", FileKey(5, 1, 1, 1)), ("notes.txt", ABSENT)])
        >>> found.context_ids == [here], found.index_keys.tolist(), found.others
        (True, [[-1, -1, -1, -1]], False)
        """
        sorting = _Sorting()
        for path, key in files:
            sorting.add(path, key)
        return sorting.listing()


class Files(Protocol):
    """A folder of contexts, wherever it is."""

    @property
    def identity(self) -> str:
        """The place in one spelling: the resolved path, or the URL without credentials. Caches are kept by it."""

    def listing(self, context_ids: Collection[str] | None = None) -> Listing:
        """List the files of all contexts, or of these only; what vanishes meanwhile is left out."""

    def read(self, paths: Sequence[str], sizes: Sequence[int]) -> Iterator[bytes | OSError]:
        """Yield each file's bytes, in the order of the paths; an error in place of one that can't be read.

        Args:
            paths: the files.
            sizes: of each its size when it was listed; it may have another by now.
        """


def files_in(folder: Path) -> Files:
    """Return the files of a folder of contexts, on a disk or behind a URL."""
    if isinstance(folder, Path):
        return LocalFiles(folder)
    from chatkit.frames.remote_files import RemoteFiles  # noqa: PLC0415 - local stores need no fsspec

    return RemoteFiles(folder)


class LocalFiles:
    """A folder of contexts on a disk.

    Args:
        folder: the folder that holds the contexts' folders.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)

    @cached_property
    def identity(self) -> str:
        """The resolved path."""
        return os.path.realpath(self._folder)

    def listing(self, context_ids: Collection[str] | None = None) -> Listing:
        """List the files with one look at each folder and one ``stat`` a file."""
        sorting = _Sorting()
        names = self._names() if context_ids is None else context_ids
        for name in sorted(names):
            if is_id(name):
                self._list_context(name, sorting)
            elif name.endswith(_SUFFIX) and is_id(name[: -len(_SUFFIX)]):
                sorting.others = True  # the file of one context, in an old format
        return sorting.listing()

    def read(self, paths: Sequence[str], sizes: Sequence[int]) -> Iterator[bytes | OSError]:
        """Read file after file."""
        for path, size in zip(paths, sizes, strict=True):
            try:
                yield _read(f"{self._folder}/{path}", size)
            except OSError as error:
                yield error

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder)  # noqa: PTH208 - names are all that is needed
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _list_context(self, context_id: str, sorting: _Sorting) -> None:
        folder = f"{self._folder}/{context_id}"
        metadata = _key_of(f"{folder}/{METADATA}")
        try:
            _list_messages(context_id, f"{folder}/{MESSAGES}", sorting)
        except OSError:  # no such folder
            if metadata == ABSENT:
                sorting.others = True
                return
        sorting.metadata[context_id], sorting.index[context_id] = metadata, _key_of(f"{folder}/{INDEX}")


def _list_messages(context_id: str, folder: str, sorting: _Sorting) -> None:
    paths, keys, within = sorting.paths, sorting.keys, f"{context_id}/{MESSAGES}/"
    for name, stat in _entries(folder):
        if stat is not None:
            paths.append(within + name)
            keys.append((stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
        elif name.endswith(JOURNAL_SUFFIX):
            sorting.journals.add(context_id)


def _is_message(name: str) -> bool:
    """Whether a file can be one of a message: as long as an id, and of no letters that are none."""
    return len(name) == _NAME_CHARS and name.endswith(_SUFFIX) and name.isascii()


def _entries_by_handle(folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield the names in a folder, those of messages with their ``stat``; no path is looked up for each of them.

    Half of the time of a cached load goes here; this takes a tenth less than a scan.
    """
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        for name in os.listdir(handle):  # noqa: PTH208 - a handle is no path
            try:
                stat = os.stat(name, dir_fd=handle) if _is_message(name) else None
            except OSError:  # gone
                continue
            yield name, stat
    finally:
        os.close(handle)


def _entries_by_scan(folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield the same where a folder can't be opened (Windows, which has told all with the names)."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                stat = entry.stat() if _is_message(entry.name) else None
            except OSError:  # gone
                continue
            yield entry.name, stat


_HAS_HANDLES = os.stat in os.supports_dir_fd and os.listdir in os.supports_fd
_entries = _entries_by_handle if _HAS_HANDLES else _entries_by_scan


class _Sorting:
    """Files on their way into a listing."""

    def __init__(self) -> None:
        self.metadata: dict[str, Key] = {}
        self.index: dict[str, Key] = {}
        self.paths: list[str] = []
        self.keys: list[Key] = []
        self.journals: set[str] = set()
        self.others = False

    def add(self, path: str, key: FileKey) -> None:
        context_id, *rest = path.split("/")
        if not is_id(context_id):
            self.others = self.others or (not rest and is_id(context_id.removesuffix(_SUFFIX)))
        elif rest == [METADATA]:
            self.metadata[context_id] = key
        elif rest == [INDEX]:
            self.index[context_id] = key
        elif len(rest) == 2 and rest[0] == MESSAGES:
            self.metadata.setdefault(context_id, ABSENT)
            if _is_message(rest[1]):
                self.paths.append(path)
                self.keys.append(key)
            elif rest[1].endswith(JOURNAL_SUFFIX):
                self.journals.add(context_id)
        else:
            self.others = True

    def listing(self) -> Listing:
        ids = sorted(self.metadata)
        return Listing(
            context_ids=ids,
            metadata_keys=_as_array([self.metadata[one] for one in ids]),
            index_keys=_as_array([self.index.get(one, ABSENT) for one in ids]),
            message_paths=self.paths,
            message_keys=_as_array(self.keys),
            with_journals=frozenset(self.journals),
            others=self.others,
        )


def _as_array(keys: Sequence[Key]) -> NDArray[np.int64]:
    try:
        flat = np.fromiter(chain.from_iterable(keys), dtype=np.int64, count=4 * len(keys))
    except OverflowError:  # some file systems number their files with 64 bits or more
        folded = [(*key[:3], hash(key[3])) for key in keys]
        flat = np.fromiter(chain.from_iterable(folded), dtype=np.int64, count=4 * len(keys))
    return flat.reshape(-1, 4)


def _key_of(path: str) -> Key:
    try:
        stat = os.stat(path)  # noqa: PTH116 - twice a context: no objects in between
    except OSError:
        return ABSENT
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _read(path: str, size: int) -> bytes:
    """Read a file of about this size: a buffer of that size costs a quarter less than one that has to be cut."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        data = os.read(handle, size + 1)
        if len(data) == size:
            return data
        parts = [data]
        while parts[-1]:  # it has another size by now, or the disk gives less than was asked for
            parts.append(os.read(handle, _MORE_BYTES))
        return b"".join(parts)
    finally:
        os.close(handle)
