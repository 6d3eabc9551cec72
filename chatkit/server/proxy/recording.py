"""One answer that passes the proxy, recorded by a thread of its own, so that neither side waits for the disk."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import httpx

from chatkit import sse
from chatkit.capture.assembly import Assembly
from chatkit.capture.clock import NS_PER_US, Clock
from chatkit.capture.destination import Destination
from chatkit.capture.request import as_json, model_asked_for, parameters
from chatkit.capture.tape import Tape
from chatkit.capture.wire import parse
from chatkit.errors import NotFoundError
from chatkit.formats.raw_events import EventTexts
from chatkit.formats.recording import NEWEST_CAPTURE
from chatkit.server.proxy.conversations import Conversations
from chatkit.server.proxy.headers import harmless
from chatkit.server.proxy.raw_file import RawFile
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chatkit.models import Message
    from chatkit.server.proxy.asked import Asked
    from chatkit.store import Store

_DONE = "[DONE]"
_GATHERED_S = 0.1
"""Pieces of so long are recorded in one go: to wake a thread for each costs more than to record it."""
_MOST_CHARS = 4_000_000
"""Longer answers are not kept in memory; no model gives such, and no request repeats one."""
_log = logging.getLogger("chatkit.proxy")


@dataclass(frozen=True)
class Archive:
    """Where what passes is kept.

    Attributes:
        store: a store that can be written to.
        labels: metadata of every response's message.
        baton: one recorder works at a time, the one that holds it: whoever passes the answers on would else wait for
            each of them in turn to let go of the interpreter.
    """

    store: Store
    labels: Mapping[str, Any]
    baton: Condition = field(default_factory=Condition)

    @cached_property
    def conversations(self) -> Conversations:
        """What the store holds."""
        return Conversations(self.store, self.baton)


class Head(NamedTuple):
    """The head of an answer: its status, how it is encoded, and when it came (None: the client left before)."""

    status: int | None
    encoding: str
    headers_ns: int | None


class _Piece(NamedTuple):
    at_ns: int
    data: bytes


class _End(NamedTuple):
    at_ns: int
    error: Exception | None
    is_aborted: bool
    is_backpressured: bool


class LiveRecording:
    """Records one streamed answer while it passes.

    Args:
        archive: where to.
        asked: the request; its body has come.
        clock: by which all moments are told.
        started_ns: the request was sent.
        head: the head of the answer.
    """

    def __init__(self, archive: Archive, asked: Asked, clock: Clock, started_ns: int, head: Head) -> None:
        self._archive, self._asked, self._clock, self._head = archive, asked, clock, head
        self._started_ns = started_ns
        self._request = as_json(asked.body() or {})
        self._queue: SimpleQueue[_Piece | _End] = SimpleQueue()
        self._n_added = self._n_taken = 0
        self._at_ns = started_ns
        self._n_lost, self._lost_to = 0, ""
        self._end = _End(started_ns, None, is_aborted=True, is_backpressured=False)
        self._thread = Thread(target=self._run, name="proxy recording")
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that have come and are not recorded yet."""
        return self._n_added - self._n_taken

    def add(self, at_ns: int, data: bytes) -> None:
        """Record what came at a moment. Returns at once."""
        self._n_added += len(data)
        self._queue.put(_Piece(at_ns, data))

    def end(self, at_ns: int, error: Exception | None, *, is_aborted: bool, is_backpressured: bool) -> None:
        """Say how it ended. Returns at once.

        Args:
            at_ns: when.
            error: what broke it, on the upstream's side.
            is_aborted: whether the client left before the end.
            is_backpressured: whether the upstream was held up, so that its times are not its own.
        """
        self._queue.put(_End(at_ns, error, is_aborted=is_aborted, is_backpressured=is_backpressured))

    @property
    def is_running(self) -> bool:
        """Whether it is not stored yet."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until it is stored."""
        self._thread.join()

    def _run(self) -> None:
        pieces = self._raw()
        with self._archive.baton:
            try:
                with self._archive.conversations.in_flight(self._request):
                    self._record(pieces)
            except Exception:  # noqa: BLE001 - the client's answer must not suffer from it
                _log.exception("the answer to %s was not recorded", self._asked.path)
                for _ in pieces:
                    pass

    def _record(self, pieces: Iterator[bytes]) -> None:
        destination, context_id = self._destination()
        folder = self._archive.store.context(context_id).folder()
        tape = self._tape(destination)
        raw = RawFile(folder.events_file(tape.message_id), tape.message_id, self._header())
        try:
            self._take(tape, raw, pieces)
        except Exception as error:  # noqa: BLE001 - what came before it is stored, and must not look whole
            _log.exception("the answer to %s was recorded in part only", self._asked.path)
            tape.assembly.note_error(repr(error))
            raw.drop()
        for _ in pieces:  # what no decoder could read any more
            pass
        raw.close(closed_ns=self._end.at_ns - self._started_ns, aborted_by_client=self._end.is_aborted)
        messages = self._store(tape)
        self._archive.conversations.remember(self._request, messages.values(), context_id)

    def _store(self, tape: Tape) -> dict[int, Message]:
        end = self._end
        tape.end(end.error, at_ns=end.at_ns)
        if end.error is not None:
            tape.assembly.note_error(repr(end.error))
        if self._n_lost:
            tape.assembly.note_error(f"events that could not be recorded: {self._n_lost}; the first: {self._lost_to}")
        noted = {"backpressured": True} if end.is_backpressured else {}
        return tape.store(is_aborted=end.is_aborted, **noted)

    def _destination(self) -> tuple[Destination, str]:
        """Find or make the context, and store what of the request it does not hold yet."""
        try:
            destination = self._in_context(self._archive.conversations.context_of(self._request))
        except NotFoundError:  # it was deleted meanwhile
            destination = self._in_context(None)
        return destination, destination.context_id

    def _in_context(self, context_id: str | None) -> Destination:
        labels = {**self._archive.labels, "api": self._asked.api, "request": parameters(self._request)}
        return Destination(
            self._archive.store,
            context_id,
            request=self._request,
            model=model_asked_for(self._request),
            title=None,
            labels=labels,
            most_chars=_MOST_CHARS,
        )

    def _tape(self, destination: Destination) -> Tape:
        started_us = self._started_ns // NS_PER_US
        assembly = Assembly(started_us, model=model_asked_for(self._request), keeps_pieces=False)
        if self._head.headers_ns is not None:
            assembly.note_headers(self._head.headers_ns // NS_PER_US)
        started_at = from_us(started_us)
        return Tape(self._clock, assembly, destination.begin(started_at), lambda: destination.begin(started_at))

    def _take(self, tape: Tape, raw: RawFile, pieces: Iterator[bytes]) -> None:
        """Read the answer as its client would: decoded first, if the upstream compressed it all the same."""
        texts, decoder = EventTexts(), sse.Decoder()
        decoded = httpx.Response(200, headers={"content-encoding": self._head.encoding}, stream=_Pieces(pieces))
        try:
            for data in decoded.iter_bytes():
                for text in texts.feed(data):
                    raw.append(self._at_ns - self._started_ns, text)
                for event in decoder.feed(data):
                    if event.data != _DONE:
                        self._take_event(tape, event.data)
                if self._queue.empty():
                    raw.flush()
        except httpx.DecodingError as error:
            tape.assembly.note_error(f"the answer's {self._head.encoding} could not be decoded: {error}")
        if rest := texts.rest():
            raw.append(self._at_ns - self._started_ns, rest)

    def _take_event(self, tape: Tape, data: str) -> None:
        """Take in one event; one that can't be taken in is counted, and told of at the end."""
        try:
            tape.take(self._at_ns, parse(data))
        except Exception as error:  # noqa: BLE001 - it must not cost those after it
            if not self._n_lost:
                _log.exception("an event of the answer to %s could not be recorded", self._asked.path)
                self._lost_to = repr(error)
            self._n_lost += 1

    def _raw(self) -> Iterator[bytes]:
        """Give what came, until the end; the moment of what was given last is kept."""
        while isinstance(piece := self._next(), _Piece):
            self._at_ns = piece.at_ns
            self._n_taken += len(piece.data)
            yield piece.data
        self._end = piece

    def _next(self) -> _Piece | _End:
        """Return what came next. Where it is still to come others have their turn, and then several come at once."""
        with suppress(Empty):
            return self._queue.get_nowait()
        self._archive.baton.release()
        try:
            piece = self._queue.get()
            if isinstance(piece, _Piece):
                time.sleep(_GATHERED_S)
        finally:
            self._archive.baton.acquire()
        return piece

    def _header(self) -> dict[str, Any]:
        """Return the first line of the raw events: what is asked, and nothing of what may be secret."""
        head = self._head
        return {
            "capture": NEWEST_CAPTURE,
            "id": str(uuid4()),
            "label": {**self._archive.labels, "api": self._asked.api},
            "url": self._asked.path,
            "request": self._request,
            "request_headers": harmless(self._asked.headers),
            "status": head.status,
            "started_at": from_us(self._started_ns // NS_PER_US).isoformat(),
            "started_at_unix_ns": self._started_ns,
            "headers_ns": None if head.headers_ns is None else head.headers_ns - self._started_ns,
        }


class _Pieces(httpx.SyncByteStream):
    """Pieces as an HTTP client takes them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces
