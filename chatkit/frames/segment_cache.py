"""What was read of a folder of contexts, kept in the user's cache folder; never in the store.

``{cache}/{hash of the place}/{hash of what makes columns}/{segment}``. There is no manifest: each row carries its
file's key, so whatever is found can be told right or stale by looking at the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

import chatkit
from chatkit.frames.segment import UNFINISHED, DamagedSegmentError, Segment, read_segment, write_segment
from chatkit.store.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chatkit.frames.part import Selection, Wanted
    from chatkit.frames.places import Contexts

SCHEMA_VERSION = 1
"""Raised by hand when segments of an earlier one can't be read; most changes are told by the code's hash."""

_PLACE_FILE = "place.json"
_STALE_S = 3600.0
_UNUSED_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class SegmentCache:
    """The cache of one place.

    Attributes:
        identity: the place: a resolved path, or a URL.
        folder: where its segments are; it may not be there yet.
    """

    identity: str
    folder: Path

    @classmethod
    def of(cls, identity: str) -> SegmentCache:
        """Return the cache of a place; nothing is made yet."""
        return cls(identity, cache_root() / _hash(os.fsencode(identity)) / schema_digest())

    def names(self) -> list[str]:
        """List the segments, the newest first."""
        try:
            found = [entry.name for entry in os.scandir(self.folder)]
        except OSError:
            return []
        return sorted((name for name in found if not name.startswith(".") and name[:20].isdigit()), reverse=True)

    def segments(self, keep: Wanted) -> list[Segment]:
        """Map the segments, the newest first, with these columns of their chunks; damaged ones are removed.

        One that can't be opened just now (there are too many open files, say) or is gone is left out.
        """
        found = []
        for name in self.names():
            try:
                found.append(read_segment(self.folder / name, keep))
            except DamagedSegmentError:
                self.remove([self.folder / name])
            except OSError:
                continue
        return found

    def add(self, contexts: Contexts, messages: Selection, keep: Wanted) -> Segment | None:
        """Write a segment and map it; None where that can't be done, which makes later loads slower, not wrong."""
        try:
            self._prepare()
            return read_segment(write_segment(self.folder, contexts, messages), keep)
        except (OSError, DamagedSegmentError):
            return None

    def remove(self, paths: Collection[Path]) -> None:
        """Remove segments; one that another program has open may stay, and is removed later."""
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _prepare(self) -> None:
        """Make the folder, readable by its user only; sweep what killed writers and older versions have left."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self.folder.parent / _PLACE_FILE
        if not place.exists():
            write_atomically(place, json.dumps({"place": self.identity}).encode())
        now = time.time()
        for path in self.folder.glob(f"{UNFINISHED}*"):
            if _age_s(path, now) > _STALE_S:
                self.remove([path])
        for path in self.folder.parent.iterdir():
            if path.is_dir() and path != self.folder and _age_s(path, now) > _UNUSED_S:
                shutil.rmtree(path, ignore_errors=True)


def cache_root() -> Path:
    """Return the folder of all caches: ``CHATKIT_CACHE_DIR``, or the platform's folder for such."""
    chosen = os.environ.get("CHATKIT_CACHE_DIR")
    root = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("chatkit", appauthor=False)
    return root / "tables"


def all_caches() -> Iterator[tuple[str, Path]]:
    """Yield each place that has a cache, and the folder of all its versions."""
    try:
        folders = sorted(path for path in cache_root().iterdir() if path.is_dir())
    except OSError:
        return
    for folder in folders:
        with suppress(OSError, ValueError, KeyError, TypeError):
            yield str(json.loads((folder / _PLACE_FILE).read_text(encoding="utf-8"))["place"]), folder


@cache
def schema_digest() -> str:
    """Return a hash of all that makes columns: what another chatkit cached is not believed."""
    digest = hashlib.sha256(f"{SCHEMA_VERSION} {chatkit.__version__}".encode())
    home = Path(__file__).parent.parent
    for folder in ("frames", "models", "timing", "store"):
        for path in sorted((home / folder).glob("*.py")):
            with suppress(OSError):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]


def _age_s(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0
