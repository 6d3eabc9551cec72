"""What happens in a context, told as it happens: found by looking at its files, so whoever writes them is heard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chatkit import sse
from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models.message import RESPONSE_TYPE
from chatkit.models.response import TEXT
from chatkit.models.states import AWAITING, STREAMING
from chatkit.server.journal_tail import Delta, JournalTail
from chatkit.server.problems import ProblemError
from chatkit.store.folder import ContextFolder
from chatkit.store.locate import find_contexts
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from chatkit.models import IndexEntry
    from chatkit.models.context import State
    from chatkit.store import Context, Store
    from chatkit.store.context_files import ContextFiles

Kind = Literal["created", "content_delta", "completed", "status_changed"]

_FILES = ("", "metadata.json", "index.json", "context.json", "messages_pool")
"""What changes, in one format or another, when a context does; "" is the context's own file or folder."""


class Seen(NamedTuple):
    """The last event that a listener has, by its id ``{message_id}:{sequence}``."""

    message_id: str
    sequence: int

    @classmethod
    def of(cls, last_event_id: str) -> Seen | None:
        """Read an id; None where there is none."""
        message_id, _, sequence = last_event_id.partition(":")
        return cls(message_id, int(sequence)) if sequence else None


Mark = tuple[int, int, int]


class Marks(NamedTuple):
    """What changes with the files of a context, and with those of its responses in flight; None for one not there."""

    context: list[Mark | None]
    opened: list[Mark | None]


class Opened:
    """A response of which more may come.

    Attributes:
        sequence: of the last chunk that was told.
        path: the file that changes when more has come.
    """

    def __init__(self, context: Context, files: ContextFiles, message_id: str, sequence: int = 0) -> None:
        self.message_id = message_id
        self.sequence = sequence
        self._context = context
        self._tail = JournalTail(files.journal_file(message_id)) if isinstance(files, ContextFolder) else None
        self.path = files.message_file(message_id) if self._tail is None else self._tail.path

    def news(self) -> tuple[list[Delta], bool]:
        """Return the chunks that were not told yet, and whether the response has ended.

        Raises:
            NotFoundError: the message is gone.
            CorruptFileError: its file does not say what it should.
        """
        try:
            deltas, has_ended = self._in_flight(), False
        except FileNotFoundError:
            deltas, has_ended = self._stored()
        news = [delta for delta in deltas if delta.sequence > self.sequence]
        if news:
            self.sequence = news[-1].sequence
        return news, has_ended

    def _in_flight(self) -> list[Delta]:
        if self._tail is None:
            raise FileNotFoundError
        try:
            return self._tail.read()
        except CorruptFileError:
            return []  # who records it knows it whole: the rest is told when the journal goes

    def _stored(self) -> tuple[list[Delta], bool]:
        response = self._context.message(self.message_id).streaming_response
        if response is None:
            return [], True
        return [Delta(chunk.sequence, chunk.delta, chunk.kind) for chunk in response.shown], (
            response.status != "streaming"
        )


class LiveContext:
    """Follows one context for one listener. Reads files, so a thread makes it and calls it.

    Args:
        store: whose context.
        context_id: which.
        seen: the last event that the listener has; without it, everything that is finished counts as known.

    Raises:
        NotFoundError: there is no such context.
        ProblemError: the store is behind a URL.
    """

    def __init__(self, store: Store, context_id: str, seen: Seen | None = None) -> None:
        self._context = store.context(context_id)
        if not isinstance(store.path, Path):
            raise ProblemError(
                HTTPStatus.CONFLICT,
                f"context {context_id} can't be followed: its store is behind a URL, which does not tell what changes; "
                f"GET /api/contexts/{context_id} shows how it stands",
            )
        is_ours = self._context.format_name == ContextFolder.format_name
        self._files: ContextFiles = self._context.folder() if is_ours else find_contexts(store.path)[context_id]
        self._seen = seen
        self._marks: Marks | None = None
        self._state: State | None = None
        self._known: set[str] = set()
        self._open: dict[str, Opened] = {}

    def begin(self) -> bytes:
        """Return the first events: how the context stands, and what the listener has missed."""
        entries = self._read()
        ids = [entry.message_id for entry in entries]
        if self._seen is not None and self._seen.message_id in ids:
            self._known = set(ids[: ids.index(self._seen.message_id) + 1])
            self._open_one(self._seen.message_id, self._seen.sequence)
        else:
            self._known = set(ids)
            for entry in entries:
                if entry.streaming:
                    self._open_one(entry.message_id)
        standing = self._update(ids[-1] if ids else None, "status_changed")
        return b"".join([standing, *self._news(entries)])

    def look(self) -> bytes:
        """Return the events since the last look; nothing where no file has changed.

        Raises:
            NotFoundError: the context is gone.
        """
        marks = self._stat()
        if marks == self._marks:
            return b""
        try:
            if self._marks is None or marks.context != self._marks.context:
                self._context.refresh()
            entries = self._read()
            events = self._news(entries)
        except (CorruptFileError, FileNotFoundError):
            return b""  # being written, or damaged, of which the other routes tell: the next look may see more
        self._marks = marks
        if not events and self._state != self._state_now():
            last = entries[-1].message_id if entries else None
            events = [self._update(last, "status_changed")]
        return b"".join(events)

    def _read(self) -> tuple[IndexEntry, ...]:
        with self._context.one_warning():
            _ = self._context.metadata
            return self._context.entries

    def _news(self, entries: tuple[IndexEntry, ...]) -> list[bytes]:
        events = []
        for entry in entries:
            if entry.message_id not in self._known:
                self._known.add(entry.message_id)
                events.append(self._update(entry.message_id, "created"))
                if entry.message_type == RESPONSE_TYPE:
                    self._open_one(entry.message_id)
            if entry.message_id in self._open:
                events += self._progress(self._open[entry.message_id])
        return events

    def _open_one(self, message_id: str, sequence: int = 0) -> None:
        self._open[message_id] = Opened(self._context, self._files, message_id, sequence)

    def _progress(self, opened: Opened) -> list[bytes]:
        try:
            news, has_ended = opened.news()
        except (CorruptFileError, NotFoundError):
            news, has_ended = [], True  # whoever asks for the message is told why
        events = []
        if news:
            events = [self._update(opened.message_id, "content_delta")]
            events += [self._delta(opened.message_id, delta) for delta in news]
        if has_ended:
            del self._open[opened.message_id]
            events.append(self._update(opened.message_id, "completed"))
        return events

    def _state_now(self) -> State:
        """Return the context's state; from the first chunk on it streams, though no file says so."""
        state = self._context.metadata.current_state
        has_chunks = any(opened.sequence for opened in self._open.values())
        return STREAMING if state == AWAITING and has_chunks else state

    def _stat(self) -> Marks:
        root = self._files.path
        if not root.exists():
            raise NotFoundError(f"context {self._context.context_id} is gone: it was deleted")
        watched = [root / name if name else root for name in _FILES]
        return Marks([_mark(path) for path in watched], [_mark(opened.path) for opened in self._open.values()])

    def _update(self, message_id: str | None, kind: Kind) -> bytes:
        streams = kind == "content_delta" and isinstance(self._files, ContextFolder)
        previous, self._state = self._state, STREAMING if streams else self._state_now()
        data = {
            "context_id": self._context.context_id,
            "current_state": self._state,
            "previous_state": previous,
            "message_update": {"message_id": message_id, "type": kind},
            "timestamp": format_stamp(datetime.now(UTC)),
        }
        return sse.encode(json.dumps(data), event="ContextUpdate")

    def _delta(self, message_id: str, delta: Delta) -> bytes:
        data: dict[str, Any] = {
            "context_id": self._context.context_id,
            "message_id": message_id,
            "sequence": delta.sequence,
            "delta": delta.delta,
        }
        if delta.kind != TEXT:
            data["kind"] = delta.kind
        return sse.encode(json.dumps(data), event="Delta", id=f"{message_id}:{delta.sequence}")


def _mark(path: Path) -> Mark | None:
    """Return what changes with a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:  # none there, or below a file that is itself the context
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
