"""Which recording a request gets."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models.message import RESPONSE_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chatkit.models import IndexEntry
    from chatkit.store import Context, Store

_LOGGER = logging.getLogger(__name__)
PREFIX = "replay:"
ANY = f"{PREFIX}*"
_USER = "user"


class Model(NamedTuple):
    """A name that a request can ask for, and what is behind it."""

    name: str
    title: str
    created_at: datetime | None


@dataclass(frozen=True, eq=False)
class _Shelf:
    """The responses of one context as they were when ``mark`` was its folder's.

    Attributes:
        responses: those that have ended; none where the context can't be read.
        questions: what the user had said before each response; None until somebody asks.
    """

    context: Context
    mark: object
    responses: tuple[IndexEntry, ...]
    questions: dict[str, str]


class Catalogue:
    """Chooses responses of a store; remembers whose turn it is. May be used by several threads.

    Args:
        store: whose responses.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._shelves: dict[str, _Shelf] = {}
        self._turns: Counter[str] = Counter()
        self._contexts: dict[str, bool] = {}  # what ids that were asked for turned out to be

    def choose(self, model: str, last_said: str | None) -> str:
        """Return the id of the message whose response answers a request, or a unique beginning of it.

        Args:
            model: ``replay:{message_id}``, ``replay:{context_id}`` (its responses in turn), or ``replay:*`` (all
                responses in turn, but one that answered the very same words comes first).
            last_said: what the user said last, without outer white space.

        Raises:
            NotFoundError: the model is none of these, or the store has no such response.
            CorruptFileError: the index of its context does not say what it should.
        """
        if not model.startswith(PREFIX):
            raise NotFoundError(f"the model {model!r} is not served here: ask for {ANY!r}, or see GET /v1/models")
        with self._lock:
            if model == ANY:
                return self._any(last_said)
            wanted = model.removeprefix(PREFIX)
            context = self._context(wanted)
            if context is not None:
                return self._next(context.context_id, _ids(_responses(context)), model)
            return wanted

    def known(self, model: str) -> str | None:
        """Return what :meth:`choose` would, where no file need be looked at for it."""
        wanted = model.removeprefix(PREFIX)
        return wanted if model.startswith(PREFIX) and self._contexts.get(wanted) is False else None

    def models(self) -> list[Model]:
        """Return all names: any response, the contexts, the responses."""
        with self._lock:
            shelves = self._refreshed()
            contexts = [
                Model(
                    f"{PREFIX}{shelf.context.context_id}",
                    shelf.context.title or "untitled",
                    shelf.context.metadata.created_at,
                )
                for shelf in shelves
            ]
            responses = [
                Model(
                    f"{PREFIX}{entry.message_id}", f"response of {shelf.context.title or 'untitled'}", entry.created_at
                )
                for shelf in shelves
                for entry in shelf.responses
            ]
        return [Model(ANY, "all responses in turn", None), *contexts, *responses]

    def _any(self, last_said: str | None) -> str:
        shelves = self._refreshed()
        if last_said:
            same = [
                message_id
                for shelf in shelves
                for message_id, question in self._questions(shelf).items()
                if question == last_said
            ]
            if same:
                return self._next(f"said {last_said}", same, ANY)
        return self._next(ANY, [one for shelf in shelves for one in _ids(shelf.responses)], ANY)

    def _next(self, key: str, message_ids: Sequence[str], model: str) -> str:
        if not message_ids:
            raise NotFoundError(f"nothing to replay for {model!r}: no response there has ended")
        turn = self._turns[key]
        self._turns[key] += 1
        return message_ids[turn % len(message_ids)]

    def _context(self, wanted: str) -> Context | None:
        """Return the context of this id; None for a message's. What an id is, is looked up once."""
        if self._contexts.get(wanted) is False:
            return None
        try:
            context = self._store.context(wanted)
        except NotFoundError:
            self._store.message(wanted)  # raises NotFoundError for what is neither
            self._contexts[wanted] = False
            return None
        self._contexts[wanted] = True
        return context

    def _refreshed(self) -> list[_Shelf]:
        """Look where messages have come or gone since the last time, and read the indices there."""
        shelves = {}
        with self._store.one_warning():
            for context_id, context in self._store.contexts_by_id().items():
                mark = context.change_mark()
                shelf = self._shelves.get(context_id)
                if shelf is None or shelf.mark != mark:
                    shelf = _Shelf(context, mark, _readable(context), {})
                shelves[context_id] = shelf
            self._shelves = shelves
            filled = [shelf for shelf in shelves.values() if shelf.responses]
            return sorted(filled, key=lambda shelf: shelf.context.creation_order())

    def _questions(self, shelf: _Shelf) -> dict[str, str]:
        """Return what the user had said before each response, read once."""
        if not shelf.questions:
            entries = {entry.message_id: entry for entry in shelf.context.entries}
            for response in shelf.responses:
                shelf.questions[response.message_id] = self._question(shelf.context, response, entries)
        return shelf.questions

    def _question(self, context: Context, response: IndexEntry, entries: dict[str, IndexEntry]) -> str:
        """Return the nearest words of the user above a response, "" where there are none or they can't be read."""
        above, seen = response.parent_id, set[str]()
        while above is not None and above in entries and above not in seen:
            if entries[above].role == _USER:
                try:
                    return context.message(above).content.strip()
                except (CorruptFileError, NotFoundError):
                    return ""
            seen.add(above)
            above = entries[above].parent_id
        return ""


def _readable(context: Context) -> tuple[IndexEntry, ...]:
    """Return the responses of a context; none of one that can't be read, which must not take the others along."""
    try:
        context.creation_order()
        return _responses(context)
    except CorruptFileError as error:
        _LOGGER.warning("left out of what can be replayed: %s", error)
        return ()


def _responses(context: Context) -> tuple[IndexEntry, ...]:
    return tuple(entry for entry in context.entries if entry.message_type == RESPONSE_TYPE and not entry.streaming)


def _ids(entries: Sequence[IndexEntry]) -> list[str]:
    return [entry.message_id for entry in entries]
