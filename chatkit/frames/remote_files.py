"""A folder of contexts behind a URL: listed in one go, read many at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from chatkit.frames.files import FileKey, Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from chatkit.store.remote import RemotePath
    from chatkit.store.remote_tree import Stat

_FILES_AT_ONCE, _BYTES_AT_ONCE = 200, 32 << 20
"""A batch: enough to hide the round trips, few enough to hold two of them."""
_FEW_CONTEXTS = 8
"""As many are listed one by one; for more, everything is."""


class RemoteFiles:
    """The files of a folder of contexts behind a URL.

    Args:
        folder: the folder that holds the contexts' folders.
    """

    def __init__(self, folder: RemotePath) -> None:
        self._folder = folder
        self._tree = folder.tree
        self._prefix = f"{folder.relative}/" if folder.relative else ""

    @property
    def identity(self) -> str:
        """The URL, without a user and password."""
        return str(self._folder)

    def listing(self, context_ids: Collection[str] | None = None) -> Listing:
        """List the files; a thousand come in one round trip."""
        if context_ids is None or len(context_ids) > _FEW_CONTEXTS:
            found = self._find("")
        else:
            found = {path: stat for one in context_ids for path, stat in self._find(f"{one}/").items()}
        wanted = None if context_ids is None else set(context_ids)
        kept = {path: stat for path, stat in found.items() if wanted is None or path.partition("/")[0] in wanted}
        return Listing.of((path, _key_of(stat)) for path, stat in kept.items())

    def read(self, paths: Sequence[str], sizes: Sequence[int]) -> Iterator[bytes | OSError]:
        """Read the files of a batch at the same time, and the next batch while this one is made use of."""
        batches = _batches(paths, sizes)
        with ThreadPoolExecutor(1, thread_name_prefix="chatkit-read") as reader:
            ahead = reader.submit(self._read_batch, next(batches, []))
            for batch in batches:
                ready, ahead = ahead, reader.submit(self._read_batch, batch)
                yield from ready.result()
                del ready
            yield from ahead.result()

    def _find(self, below: str) -> dict[str, Stat]:
        """List what is under a folder, by paths relative to the folder of contexts."""
        try:
            found = self._tree.find(f"{self._prefix}{below}".rstrip("/"))
        except FileNotFoundError:
            return {}
        return {path.removeprefix(self._prefix): stat for path, stat in found.items()}

    def _read_batch(self, paths: Sequence[str]) -> list[bytes | OSError]:
        return self._tree.read_all([f"{self._prefix}{path}" for path in paths]) if paths else []


def _batches(paths: Sequence[str], sizes: Sequence[int]) -> Iterator[list[str]]:
    batch: list[str] = []
    n_bytes = 0
    for path, size in zip(paths, sizes, strict=True):
        if batch and (len(batch) == _FILES_AT_ONCE or n_bytes + size > _BYTES_AT_ONCE):
            yield batch
            batch, n_bytes = [], 0
        batch.append(path)
        n_bytes += size
    if batch:
        yield batch


def _key_of(stat: Stat) -> FileKey:
    """Return a file's key: its etag or checksum says all; without one its time does."""
    return FileKey(stat.st_size, 0 if stat.st_ino else stat.st_mtime_ns, 0, stat.st_ino)
