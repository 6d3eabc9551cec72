"""The journal of a response that is still streaming: one line a chunk, so that a killed process loses the tail at most.

Line 1 is the message as it will be, without chunks; every further line is a chunk (``at``, ``delta``, ``kind``), the
moment at which the request was sent where that came later (``started_at``), or what has become known of the stream
(``metadata``). A torn last line is dropped.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from chatkit.errors import CorruptFileError
from chatkit.models import Piece
from chatkit.models.response import TEXT
from chatkit.store.atomic import sync_folder, write_all
from chatkit.store.journal_reading import NOT_A_LINE, piece_in
from chatkit.store.json_files import dump_json, parse_json
from chatkit.timing.stamps import format_stamp, from_us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

Durability = Literal["chunk", "second", "none"]
"""When lines are forced to the disk: each before ``append`` returns, once a second, or not at all."""

SUFFIX = ".journal.jsonl"
_SYNC_EVERY_S = 1.0


class JournalWarning(UserWarning):
    """The journal of a response can't be written: what comes is kept in memory only, until its end is stored."""


class Journal:
    """Writes a journal, in a thread of its own so that whoever records is not held up by the disk.

    One thread at a time may use it, and nobody after ``close``.

    Args:
        path: the file; it must not be there yet.
        header: the message as it will be, without chunks.
        durability: see :data:`Durability`.

    Attributes:
        error: what the disk said when a line could not be written; later lines are not tried, so that the one that
            was torn stays the last.
        n_pieces: chunks that were added.

    Raises:
        ValueError: there is no such durability.
    """

    def __init__(self, path: Path, header: bytes, durability: Durability) -> None:
        if durability not in get_args(Durability):
            raise ValueError(f"durability is one of {', '.join(get_args(Durability))}, not {durability!r}")
        self.path = path
        self.error: Exception | None = None
        self.n_pieces = 0
        self._durability = durability
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._n_good_bytes = len(header)
        self._refused: list[Piece] = []
        self._n_unawaited_chars = 0
        self._thread = threading.Thread(target=self._write_entries, name=f"journal {path.name[:8]}", daemon=True)
        binary = getattr(os, "O_BINARY", 0)
        handles = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)]
        try:
            write_all(handles[0], header)
            os.fsync(handles[0])
            sync_folder(path.parent)
            handles.append(os.open(path, os.O_RDONLY | binary))  # so that it can be read even if somebody removes it
            self._handle, self._readable = handles
            self._thread.start()
        except BaseException:
            for handle in handles:
                os.close(handle)
            with suppress(OSError):
                os.unlink(path)
            raise

    def append(self, piece: Piece) -> None:
        """Add a chunk; with durability ``chunk`` it is on the disk when this returns."""
        self.n_pieces += 1
        self._n_unawaited_chars += len(piece.delta)
        self._put(piece, is_awaited=self._durability == "chunk")

    def keep_up(self, most_chars: int) -> None:
        """Wait for the disk if more text was added since it was waited for last: what is not written is in memory."""
        if self._n_unawaited_chars > most_chars:
            self._n_unawaited_chars = 0
            self._put(b"", is_awaited=True)

    def sent(self, at: datetime) -> None:
        """Add the moment at which the request was sent."""
        self._put(dump_json({"started_at": format_stamp(at)}), is_awaited=self._durability == "chunk")

    def note(self, metadata: dict[str, Any]) -> None:
        """Add what has become known of the stream.

        Raises:
            ValueError: it is not JSON; TypeError likewise.
        """
        line = dump_json({"metadata": metadata})  # few and far between: what is wrong is told to whoever notes it
        self._put(line, is_awaited=self._durability == "chunk")

    def pieces(self) -> Iterator[Piece]:
        """Give all chunks again, in order: what the disk holds of them, and then what it did not take.

        Raises:
            CorruptFileError: that is not what was written.
        """
        if self._thread.is_alive():
            self._put(b"", is_awaited=True)
        n_pieces = len(self._refused)
        with os.fdopen(os.dup(self._readable), "rb") as file:
            file.seek(0)
            file.readline()
            while file.tell() < self._n_good_bytes and (line := file.readline()):
                if piece := self._piece(line):
                    n_pieces += 1
                    yield piece
        if n_pieces != self.n_pieces:
            what = f"has {n_pieces} of the {self.n_pieces} chunks that were written to it"
            raise CorruptFileError(str(self.path), "", f"{what}: somebody changed it while it was recorded")
        yield from self._refused

    def _piece(self, line: bytes) -> Piece | None:
        try:
            return piece_in(parse_json(line, self.path))
        except NOT_A_LINE as error:
            raise CorruptFileError(str(self.path), "", f"has a line that nobody wrote: {error}") from error

    def close(self) -> None:
        """Write what is left and end the thread."""
        if self._thread.is_alive():
            self._entries.put(None)
            self._thread.join()

    def _put(self, what: Piece | bytes, *, is_awaited: bool) -> None:
        entry = _Entry(what, threading.Event() if is_awaited else None)
        self._entries.put(entry)
        if entry.written is not None:
            entry.written.wait()

    def _write_entries(self) -> None:
        """Write what is queued, until the end; forced to the disk as often as the durability asks for."""
        synced_at, is_synced = time.monotonic(), True
        while True:
            wait_s = None if is_synced else max(0.0, synced_at + _SYNC_EVERY_S - time.monotonic())
            try:
                entry = self._entries.get(timeout=wait_s)
            except queue.Empty:
                entry = _NOTHING
            if entry is None:
                break
            is_due = self._is_due(time.monotonic() - synced_at)
            self._write(entry, sync=is_due)
            is_synced = is_due or self._durability == "none"
            synced_at = time.monotonic() if is_due else synced_at
            if entry.written is not None:
                entry.written.set()
        for handle in (self._handle, self._readable):
            with suppress(OSError):
                os.close(handle)

    def _is_due(self, since_s: float) -> bool:
        return self._durability == "chunk" or (self._durability == "second" and since_s >= _SYNC_EVERY_S)

    def _write(self, entry: _Entry, *, sync: bool) -> None:
        if self.error is None:
            try:
                line = _line(entry.what)
                write_all(self._handle, line)
                if sync:
                    os.fsync(self._handle)
                self._n_good_bytes += len(line)
            except Exception as error:  # noqa: BLE001 - a thread that ends here lets others wait for ever
                self.error = error
        if self.error is not None and isinstance(entry.what, Piece):
            self._refused.append(entry.what)


class _Entry(NamedTuple):
    """What is to be written, and the event to set when it is."""

    what: Piece | bytes
    written: threading.Event | None = None


_NOTHING = _Entry(b"")


def _line(what: Piece | bytes) -> bytes:
    """Return the line of a chunk; what has become known is one already."""
    if isinstance(what, bytes):
        return what
    line = {"at": format_stamp(from_us(what.at_us)), "delta": what.delta}
    if what.kind != TEXT:
        line["kind"] = what.kind
    return dump_json(line)
