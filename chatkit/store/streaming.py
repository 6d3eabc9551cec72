"""The life of a streamed response: begun, chunk by chunk, and ended; whatever happens in between, what came is kept."""

from __future__ import annotations

import os
import threading
import time
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from chatkit.errors import StreamStateError
from chatkit.models import Response, ResponseMetadata
from chatkit.models.ending import Ending
from chatkit.models.response import TEXT
from chatkit.models.states import AWAITING, state_after
from chatkit.store.arrived import Arrived
from chatkit.store.atomic import remove
from chatkit.store.bookkeeping import (
    listed_ids,
    put_entries,
    put_metadata,
    state_beside,
    store_large_message,
    store_message,
    write_large_message,
)
from chatkit.store.folder import streaming_entry
from chatkit.store.journal import Journal, JournalWarning
from chatkit.store.journal_reading import sent_at
from chatkit.store.json_files import dump
from chatkit.store.large_message import LargePieces
from chatkit.store.locks import forget_journal_lock, journal_lock
from chatkit.store.pieces import piece_of
from chatkit.store.writing import next_place, writing
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from chatkit.models import Message, Piece, Usage
    from chatkit.store.folder import ContextFolder
    from chatkit.store.journal import Durability


_MOST_AHEAD_CHARS = 4_000_000


class Stream:
    """A response that is being recorded. ``Store.open_stream`` makes one; end it with finalize or abort.

    Args:
        folder: its context.
        begun: its message, without chunks.
        durability: see :data:`~chatkit.store.journal.Durability`.
        most_chars: of a response longer than this nothing is kept in memory: what came is in the journal. None keeps
            all.

    Attributes:
        message_id: the message it will be.
        context_id: its context.
        is_ended: whether it was finalized or aborted.

    Threads may share one: calls come one after the other, and after the end none is taken.
    """

    def __init__(
        self, folder: ContextFolder, begun: Message, durability: Durability, *, most_chars: int | None = None
    ) -> None:
        self.message_id = begun.message_id
        self.context_id = folder.context_id
        self._arrived = Arrived(most_chars)
        self._folder = folder
        self._begun = begun
        self._journal: Journal
        self._known: dict[str, Any] = {}
        self._clock_ns = time.time_ns() - time.monotonic_ns()  # so that times never go back
        self.is_ended = False
        self._has_warned = False
        self._turn = threading.Lock()
        self._lock = journal_lock(folder.path, begun.message_id)
        self._begin(begun, durability)

    @property
    def pieces(self) -> list[Piece]:
        """What has come so far; nothing once that is longer than ``most_chars``."""
        return self._arrived.pieces

    def append(self, delta: str, *, kind: str = TEXT, at_us: int | None = None) -> None:
        """Add a chunk as it came; an empty one counts in nothing and is left out.

        Args:
            delta: the text as received.
            kind: ``text``, ``reasoning`` or ``tool_call``.
            at_us: its arrival in µs since the epoch; now by default.

        Raises:
            StreamStateError: the response has ended.
            TypeError: the delta or the kind is no text, or the arrival no whole number; ValueError: it is in no year
                that there is. Nothing of the chunk is kept then.
        """
        now_us = self._now_us() if at_us is None else at_us  # first of all: nothing here may count as waiting
        piece = piece_of(delta, kind, now_us)
        with self._turn:
            self._check_lives("a chunk")
            if not delta:
                return
            if at_us is None:  # another thread may have read the clock later and come first
                piece = piece._replace(at_us=max(piece.at_us, self._arrived.last_us))
            self._arrived.add(piece)
            self._journal.append(piece)
            if self._arrived.is_large:
                self._journal.keep_up(_MOST_AHEAD_CHARS)
        self._report()

    def sent(self, at: datetime) -> None:
        """Say when the request was sent, where that is later than the beginning: what the disk took is no latency.

        Raises:
            StreamStateError: the response has ended.
            TypeError: that is no datetime.
        """
        if not isinstance(at, datetime):
            raise TypeError(f"the moment of a request is a datetime, not {type(at).__name__}")
        with self._turn:
            self._check_lives("a beginning")
            self._begun = sent_at(self._begun, at)
            self._journal.sent(at)
        self._report()

    def note(self, **known: Any) -> None:
        """Note what has become known of the stream (fields of ResponseMetadata), so that a crash does not lose it.

        Raises:
            StreamStateError: the response has ended.
            ValueError: a value is not what the field takes, or not JSON; TypeError likewise. Nothing was noted.
        """
        noted = ResponseMetadata(**known).model_dump(include=set(known))
        with self._turn:
            self._check_lives("a note")
            self._journal.note(noted)
            self._known |= noted
        self._report()

    def finalize(
        self,
        *,
        completed_at: datetime | None = None,
        model: str | None = None,
        usage: Usage | None = None,
        finish_reason: str | None = None,
        metadata: ResponseMetadata | None = None,
    ) -> Message:
        """End the response; when this returns, a power cut loses nothing of it.

        Args:
            completed_at: the stream ended; now by default.
            model: as the provider named it, if it was not known at the beginning.
            usage: None where none was reported.
            finish_reason: as reported.
            metadata: what is known of the stream; what was noted before counts where this is silent.

        Returns:
            The message as it was stored.

        Raises:
            StreamStateError: the response has ended already.
            OSError: the disk refused; nothing is lost, and finalize may be called again.
            CorruptFileError: somebody changed the journal of a response that is too long for the memory; what is in
                it stays there.
        """
        stored = self.end(Ending(completed_at, model, usage, finish_reason, metadata or ResponseMetadata()))
        return stored or self._folder.finished_message(self.message_id)

    def end(self, ending: Ending) -> Message | None:
        """End the response as :meth:`finalize` does; return None in place of a message that is not in memory."""
        with self._turn:
            self._check_lives("an end")
            response = self._response(ending)
            message = self._begun.model_copy(update={"streaming_response": response})
            self._store(message, response)
            self._let_go()
        self._report()
        return None if self._arrived.is_large else message

    def abort(self, reason: str = "aborted", **known: Any) -> Message:
        """End the response because somebody gave up: what came is kept, and the context's state is failed.

        Args:
            reason: what happened; ``aborted``, or any text, which is kept as the error.
            known: what :meth:`finalize` takes besides the finish reason.
        """
        metadata = known.pop("metadata", None) or ResponseMetadata()
        if reason != "aborted":
            metadata = metadata.model_copy(update={"error": reason})
        return self.finalize(finish_reason="aborted", metadata=metadata, **known)

    def leave(self) -> None:
        """Give a response up that could not be stored: the next writer ends it, as one whose recorder has died.

        Nothing happens if it has ended. What the disk did not take of its journal is lost.
        """
        with self._turn:
            if self.is_ended:
                return
            self.is_ended = True
            self._journal.close()
            self._lock.release(force=True)
            self._folder.is_recovered = False

    def _response(self, ending: Ending) -> Response:
        """Put together what was known at the beginning, what came, and what is told now, which counts most."""
        begun = self._begun.streaming_response
        told = self._known | ending.metadata.model_dump(exclude_unset=True)
        return Response.from_pieces(
            self.pieces,
            started_at=begun.started_at if begun else datetime.now(UTC),
            completed_at=ending.completed_at or self._end_moment(),
            model=ending.model or (begun.model if begun else None),
            usage=ending.usage,
            finish_reason=ending.finish_reason,
            metadata=ResponseMetadata.model_validate(told),
        )

    def _store(self, message: Message, response: Response) -> None:
        """Write the message; the file of a large one before the context is locked, which can take a minute."""
        pieces = LargePieces(self._journal.n_pieces, self._arrived.mean_gap_ms(), self._journal.pieces)
        if self._arrived.is_large:
            write_large_message(self._folder, message, response, pieces)
        try:
            with writing(self._folder):
                state = state_beside(self._folder, self.message_id, state_after(response))
                if self._arrived.is_large:
                    store_large_message(self._folder, message, pieces.n_pieces, state=state, at=response.completed_at)
                else:
                    store_message(self._folder, message, state=state, at=response.completed_at)
        except BaseException:
            with suppress(OSError):
                os.unlink(self._folder.file_aside(self.message_id))
            raise

    def _begin(self, begun: Message, durability: Durability) -> None:
        """Write the journal's header, then the index entry, then the metadata."""
        try:
            self._write_beginning(begun, durability)
        except OSError:
            self._folder.is_recovered = False  # so that the next writer ends what was begun
            raise

    def _write_beginning(self, begun: Message, durability: Durability) -> None:
        with writing(self._folder):
            self._check_is_new()
            place = next_place(self._folder, begun.branch, listed_ids(self._folder))
            self._begun = begun.model_copy(
                update={
                    "context_id": self.context_id,
                    "branch": place.branch,
                    "position": place.position,
                    "parent_id": begun.parent_id or place.parent_id,
                }
            )
            try:
                self._lock.acquire()
            except Timeout as error:
                raise StreamStateError(f"message {self.message_id} is being recorded by another process") from error
            try:
                self._journal = Journal(self._folder.journal_file(self.message_id), dump(self._begun), durability)
            except BaseException:
                forget_journal_lock(self._lock)
                raise
            try:
                put_entries(self._folder, {self.message_id: dump(streaming_entry(self._begun))})
                put_metadata(self._folder, ids=[self.message_id], branch=place.branch, state=AWAITING)
            except BaseException:
                self._journal.close()
                self._lock.release(force=True)  # what was begun is ended by recovery
                raise

    def _check_is_new(self) -> None:
        if self._folder.message_file(self.message_id).exists():
            raise StreamStateError(f"message {self.message_id} has ended: a second beginning is not possible")
        if self._folder.journal_file(self.message_id).exists():
            raise StreamStateError(f"message {self.message_id} has begun already")

    def _check_lives(self, what: str) -> None:
        if self.is_ended:
            raise StreamStateError(f"{what} after the end of message {self.message_id}: begin a new one")

    def _now_us(self) -> int:
        return (self._clock_ns + time.monotonic_ns()) // 1000

    def _end_moment(self) -> datetime:
        """Return now, by the clock of the chunks, and not before the last of them."""
        return from_us(max(self._now_us(), self._arrived.last_us))

    def _let_go(self) -> None:
        """Let go of the journal: the message is stored, so a journal that the disk keeps is recovery's business."""
        self.is_ended = True
        is_removed = False
        try:
            self._journal.close()
            with suppress(OSError):
                remove(self._journal.path)
                is_removed = True
        finally:  # also where somebody presses "stop" just now
            if is_removed:
                forget_journal_lock(self._lock)
            else:
                self._folder.is_recovered = False
                self._lock.release(force=True)

    def _report(self) -> None:
        """Say once that the disk does not take the journal; nothing is lost unless the process dies."""
        error = self._journal.error
        if error is None or self._has_warned:
            return
        self._has_warned = True
        what = "is stored all the same" if self.is_ended else "is kept in memory until its end"
        warnings.warn(f"{self._journal.path}: {error}; the response {what}", JournalWarning, stacklevel=3)
