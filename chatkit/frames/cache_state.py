"""What is cached of a store, and removing it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chatkit.frames.folder_scan import FolderScan
from chatkit.frames.part import MESSAGES_ONLY
from chatkit.frames.progress import Progress
from chatkit.frames.segment import size_of
from chatkit.frames.segment_cache import SegmentCache, all_caches
from chatkit.store import Store
from chatkit.store.folder import ContextFolder
from chatkit.store.locate import CONTEXTS, find_contexts
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    import os
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What is cached of a store.

    Attributes:
        path: the folder of its cache; it need not be there.
        n_bytes: bytes of its segments.
        n_segments: segments, which the next load that changes much puts together.
        n_live: contexts and messages in them whose files are as they were.
        n_dead: those that no file says any more.
        written_at: when the newest segment was written; None without any.
    """

    path: Path
    n_bytes: int
    n_segments: int
    n_live: int
    n_dead: int
    written_at: datetime | None


class CachedPlace(NamedTuple):
    """A place of which something is cached.

    Attributes:
        place: the folder of contexts, or its URL.
        path: the folder of its cache.
        n_bytes: bytes in it.
    """

    place: str
    path: Path
    n_bytes: int


def cache_info(store: Store | str | os.PathLike[str]) -> CacheInfo:
    """Return what is cached of a store, and how much of it still holds. Old formats are not cached.

    Args:
        store: a store, its path, or its URL.

    Raises:
        FormatError: the path holds no store.

    >>> cache_info("data/store").n_dead
    0
    """
    scan = _scan_of(store)
    cache = SegmentCache.of(scan.files.identity)
    names = cache.names()
    used = scan.usage()
    return CacheInfo(
        path=cache.folder,
        n_bytes=sum(size_of(cache.folder / name) for name in names),
        n_segments=len(names),
        n_live=sum(usage.n_live for usage in used),
        n_dead=sum(usage.n_dead for usage in used),
        written_at=from_us(int(names[0][:20]) // 1000) if names else None,
    )


def clear_cache(store: Store | str | os.PathLike[str]) -> int:
    """Remove what is cached of a store, by this version of chatkit or any; return the bytes freed."""
    folder = SegmentCache.of(_scan_of(store).files.identity).folder.parent
    freed = bytes_under(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return freed - bytes_under(folder)


def cached_places() -> list[CachedPlace]:
    """Return all places of which something is cached, in the order of their names."""
    return sorted(CachedPlace(place, path, bytes_under(path)) for place, path in all_caches())


def bytes_under(folder: Path) -> int:
    """Return the bytes of all files under a folder; 0 if it is gone."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _scan_of(named: Store | str | os.PathLike[str]) -> FolderScan:
    """Return a scan of the folder that holds a store's contexts in our own format."""
    store = named if isinstance(named, Store) else Store(named)
    own = [files.path.parent for files in find_contexts(store.path).values() if isinstance(files, ContextFolder)]
    return FolderScan(own[0] if own else store.path / CONTEXTS, MESSAGES_ONLY, Progress(), cache=True)
