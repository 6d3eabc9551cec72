"""What happens to each event of a live stream: its time is noted, it is read, and its pieces go to the store."""

from __future__ import annotations

import warnings
from threading import Lock
from typing import TYPE_CHECKING, Any

from chatkit.capture.clock import NS_PER_MS, NS_PER_US
from chatkit.capture.wire import Unpacker
from chatkit.errors import ChatkitError, StreamStateError
from chatkit.models import Piece
from chatkit.store.journal import JournalWarning
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatkit.capture.assembly import Assembly
    from chatkit.capture.clock import Clock
    from chatkit.models import Message
    from chatkit.store.streaming import Stream


class Tape:
    """One stream being recorded. It may be fed by another thread than the one that ends it.

    Args:
        clock: tells when events come.
        assembly: reads them.
        first: the response of the first choice, begun in the store.
        begin: begins that of another choice.

    Attributes:
        now_ns: the clock.
        consumer_ns: time for which the caller's code held the stream up; None where that was not measured.
        ended_us: the stream ended, µs since the epoch; None while it runs.
        error: what ended it before its time.
        streams: the responses begun so far, by choice.
        stop: ends whatever still reads the stream.
    """

    def __init__(self, clock: Clock, assembly: Assembly, first: Stream, begin: Callable[[], Stream]) -> None:
        self.now_ns = clock.now_ns
        self.consumer_ns: int | None = None
        self.ended_us: int | None = None
        self.error: BaseException | None = None
        self.assembly = assembly
        self.streams = {0: first}
        self.stop: Callable[[], object] = lambda: None
        self._begin = begin
        self._unpacker = Unpacker()
        self._held: tuple[int, Any] | None = None
        self._kept: dict[int, list[Piece]] = {}
        self._lock = Lock()

    @property
    def message_id(self) -> str:
        """The id of the message that the first choice will be."""
        return self.streams[0].message_id

    @property
    def consumer_ms(self) -> float | None:
        """:attr:`consumer_ns` in ms."""
        return None if self.consumer_ns is None else self.consumer_ns / NS_PER_MS

    @property
    def stream_ms(self) -> float:
        """Time from the first event to the end of the stream, in ms; 0 before the end, or without an event."""
        first_us = self.assembly.first_event_us
        return 0.0 if first_us is None or self.ended_us is None else (self.ended_us - first_us) * NS_PER_US / NS_PER_MS

    def take(self, at_ns: int, item: Any) -> None:
        """Take in what came: an event in any form that :class:`Unpacker` knows.

        Raises:
            StreamStateError: the stream has ended.
        """
        at_us = at_ns // NS_PER_US
        with self._lock:
            self._check_runs()
            is_first = self.assembly.first_event_us is None
            for event in self._unpacker.unpack(item):
                for choice, kind, text in self.assembly.take(at_us, event):
                    self._put(choice, Piece(at_us, text, kind))
            if is_first and self.assembly.first_event_us is not None:
                self._note_beginning()

    def hold(self, at_ns: int, item: Any) -> None:
        """Keep what came until :meth:`take_held`: to read it takes longer than whoever waits for it should wait.

        Raises:
            StreamStateError: the stream has ended.
        """
        self._check_runs()
        self._held = (at_ns, item)

    def take_held(self) -> None:
        """Take in what is held, if anything is."""
        held, self._held = self._held, None
        if held is not None:
            self.take(*held)

    def note_headers(self) -> None:
        """Note that the response's headers came, unless that was noted before."""
        if self.assembly.headers_us is None:
            self.assembly.note_headers(self.now_ns() // NS_PER_US)

    def end(self, error: BaseException | None = None, *, at_ns: int | None = None) -> None:
        """Note that the stream ended, now unless told when, and what ended it; of several ends the first counts."""
        ended_us = (self.now_ns() if at_ns is None else at_ns) // NS_PER_US
        self.take_held()
        with self._lock:
            if self.ended_us is None:
                self.ended_us, self.error = ended_us, error

    def store(self, *, is_aborted: bool, **noted: Any) -> dict[int, Message]:
        """Store the response of each choice, at least one, when the stream has ended.

        Args:
            is_aborted: whether it was left before its end.
            noted: what else is known of the stream, for its metadata.

        Returns:
            The messages by their choices, but for those too long to be in memory.

        Raises:
            OSError: the disk refused a choice; the others are stored. Of several refusals it is the first. What was
                refused is in its journal, for the next writer to end it; of a choice that could not even begin until
                now, nothing is kept.
        """
        stored: dict[int, Message] = {}
        refusals: list[Exception] = []
        for choice in sorted({0, *self.assembly.choices}):
            try:
                message = self._store_choice(choice, "aborted" if is_aborted else None, noted)
            except Exception as error:  # noqa: BLE001 - it is raised when the others are stored
                refusals.append(error)
                continue
            if message is not None:
                stored[choice] = message
        if refusals:
            for stream in self.streams.values():
                stream.leave()
            raise refusals[0]
        return stored

    def _store_choice(self, choice: int, unsaid: str | None, noted: dict[str, Any]) -> Message | None:
        ending = self.assembly.ending(choice, self.ended_us, finish_reason=unsaid)
        metadata = ending.metadata.model_copy(update={"consumer_ms": self.consumer_ms, **noted})
        return self.stream_of(choice).end(ending._replace(metadata=metadata))

    def stream_of(self, choice: int) -> Stream:
        """Return where a choice goes; all but the first begin when their first piece comes, or later if refused."""
        if choice not in self.streams:
            self.streams[choice] = self._begin()
            for piece in self._kept.pop(choice, []):
                self._put(choice, piece)
        return self.streams[choice]

    def _put(self, choice: int, piece: Piece) -> None:
        """Add a piece to its choice. One that can't begin is kept: whoever reads the stream must not suffer from it.

        It is not tried again before the end, for it may take long to be refused.
        """
        if choice in self._kept:
            self._kept[choice].append(piece)
            return
        try:
            stream = self.stream_of(choice)
        except (OSError, ChatkitError) as error:
            self._kept[choice] = [piece]
            what = f"choice {choice} of the response that message {self.message_id} begins can't be begun"
            warnings.warn(f"{what}: {error}; it is kept in memory until its end", JournalWarning, stacklevel=4)
            return
        stream.append(piece.delta, kind=piece.kind, at_us=piece.at_us)

    def _check_runs(self) -> None:
        if self.ended_us is not None:
            raise StreamStateError("an event after the end of its recording: record each stream on its own")

    def _note_beginning(self) -> None:
        """Put into the journal what is known so far, so that a crash does not lose it."""
        known = {"headers_at": self.assembly.headers_us, "first_event_at": self.assembly.first_event_us}
        moments = {name: from_us(at_us) for name, at_us in known.items() if at_us is not None}
        for stream in self.streams.values():
            stream.note(**moments)
