"""Messages read lately, kept for as long as their files stay the same: the next replay of one starts at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from chatkit.models import Message
    from chatkit.store import Store

T = TypeVar("T")
_MOST_CHUNKS = 50_000
"""Some 50 MB; the latest message is kept, however long it is."""
_COARSE_NS = 2_000_000_000
"""A file system's times may be so coarse: what was written just now may be written again unnoticed, and is not kept."""


class Mark(NamedTuple):
    """What is equal for as long as a file is the same."""

    changed_ns: int
    size: int
    inode: int


@dataclass(frozen=True, eq=False)
class Reading:
    """A message as its file was.

    Attributes:
        message: what it says.
        path: the file.
        mark: tells that file from a later one of the same name; None where it can't be told.
        made: what has been made of the message.
    """

    message: Message
    path: Path
    mark: Mark | None
    made: dict[Hashable, Any] = field(default_factory=dict)

    def make(self, key: Hashable, maker: Callable[[], T]) -> T:
        """Return what a maker makes of the message: made once, and kept as long as the message."""
        if key not in self.made:
            self.made[key] = maker()
        made: T = self.made[key]
        return made

    @property
    def n_chunks(self) -> int:
        """How long the message is."""
        response = self.message.streaming_response
        return 1 if response is None else 1 + len(response.chunks)


class Recent:
    """The messages of a store that were read last. May be used by several threads.

    Args:
        store: where they are read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._readings: OrderedDict[str, Reading] = OrderedDict()

    def known(self, message_id: str) -> Reading | None:
        """Return a message that was read before and has not changed; looks at its file's time only."""
        with self._lock:
            reading = self._readings.get(message_id)
            if reading is None:
                return None
            if reading.mark is None or _mark(reading.path) != reading.mark:
                del self._readings[message_id]
                return None
            self._readings.move_to_end(message_id)
            return reading

    def read(self, message_id: str) -> Reading:
        """Return a message, read if need be.

        Raises:
            NotFoundError: there is none of this id, or several.
            CorruptFileError: its file does not say what it should.
        """
        known = self.known(message_id)
        if known is not None:
            return known
        begun_ns = time.time_ns()
        message = self._store.message(message_id)
        path = self._store.context(message.context_id).message_file(message.message_id)
        mark = _mark(path)
        if mark is not None and mark.changed_ns > begun_ns - _COARSE_NS:
            mark = None
        reading = Reading(message, path, mark)
        with self._lock:
            self._readings[message.message_id] = reading
            while len(self._readings) > 1 and sum(one.n_chunks for one in self._readings.values()) > _MOST_CHUNKS:
                self._readings.popitem(last=False)
        return reading


def _mark(path: Path) -> Mark | None:
    if not isinstance(path, Path):  # behind a URL
        return None
    try:
        status = path.stat()
    except OSError:  # a response in flight has no file yet
        return None
    return Mark(status.st_mtime_ns, status.st_size, status.st_ino)
