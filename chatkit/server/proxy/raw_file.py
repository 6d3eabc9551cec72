"""The file of raw events beside a message, which costs the message nothing when the disk refuses it."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chatkit.formats.raw_events import RawEvents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger("chatkit.proxy")


class RawFile:
    """Keeps raw events for as long as the disk takes them; what it refuses ends them, and is logged once.

    Then the file is removed: a part of the events would be replayed as if it were all of them.

    Args:
        path: the file; it must not be there yet.
        message_id: the message beside it.
        header: what is known at the beginning (fields of ``recording.Header``).
    """

    def __init__(self, path: Path, message_id: str, header: dict[str, Any]) -> None:
        self._path, self._message_id = path, message_id
        self._raw: RawEvents | None = None
        try:
            self._raw = RawEvents(path, header)
        except OSError as error:
            self._say(error)

    def append(self, t_ns: int, event: str) -> None:
        """Add an event, with its arrival in ns since the request was sent."""
        self._try(lambda raw: raw.append(t_ns, event))

    def flush(self) -> None:
        """Hand what was added to the system."""
        self._try(RawEvents.flush)

    def close(self, **known: Any) -> None:
        """End the file; takes what :meth:`RawEvents.close` takes."""
        self._try(lambda raw: raw.close(**known))

    def drop(self) -> None:
        """Remove the file; nothing more is kept."""
        raw, self._raw = self._raw, None
        if raw is None:
            return
        with suppress(OSError, ValueError):  # it may refuse what is still to be written, or be closed already
            raw.close()
        with suppress(OSError):
            self._path.unlink()

    def _try(self, do: Callable[[RawEvents], None]) -> None:
        if self._raw is None:
            return
        try:
            do(self._raw)
        except OSError as error:
            self._say(error)
            self.drop()

    def _say(self, error: OSError) -> None:
        _log.error("the raw events of message %s are not kept: %s", self._message_id, error)
