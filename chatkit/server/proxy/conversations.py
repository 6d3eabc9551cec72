"""Which context a request goes on with: the one whose messages and answer it begins with."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from chatkit.capture.request import Turn, system_prompt, turns
from chatkit.errors import ChatkitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from threading import Condition

    from chatkit.store import Context, Store

_ASSISTANT = "assistant"
_MOST_LOOKED_AT = 500
_LONGEST_WAIT_S = 5.0
"""A client that has read an answer may ask on before the answer is stored, or even has ended."""


class Conversations:
    """The conversations that a store holds, by what was said up to each answer.

    Args:
        store: those of its contexts that changed last are known from the beginning.
        baton: of the recorders; who calls a method holds it, and it is given away while one waits.
    """

    def __init__(self, store: Store, baton: Condition) -> None:
        self._store = store
        self._baton = baton
        self._contexts: dict[bytes, str] | None = None
        self._in_flight: Counter[bytes] = Counter()

    @contextmanager
    def in_flight(self, request: Mapping[str, Any]) -> Iterator[None]:
        """Say of a ``with`` block that it records the answer to a request."""
        question = _mark(request)
        self._count(question, 1)
        try:
            yield
        finally:
            self._count(question, -1)

    def context_of(self, request: Mapping[str, Any]) -> str | None:
        """Return the id of the context that a request goes on with; None for a new conversation.

        Where the answer that it goes on with may be one that is still being recorded, wait a little.
        """
        said = _said(request)
        before, *marks = _marks(system_prompt(request), said)
        asked = [before, *marks[:-1]]
        for turn, question, mark in reversed([*zip(said, asked, marks, strict=True)]):
            if not _is_answer(turn):
                continue
            self._baton.wait_for(partial(self._is_settled, question, mark), _LONGEST_WAIT_S)
            if mark in self._known():
                return self._known()[mark]
        return None

    def remember(self, request: Mapping[str, Any], answers: Iterable[str], context_id: str) -> None:
        """Note what was answered, so that a request that repeats it is known."""
        said, prompt = _said(request), system_prompt(request)
        for answer in answers:
            *_, mark = _marks(prompt, [*said, Turn(_ASSISTANT, answer)])
            self._known()[mark] = context_id
        self._baton.notify_all()

    def _is_settled(self, question: bytes, answer: bytes) -> bool:
        """Whether an answer is known, or none to its question is in flight that could be it."""
        return answer in self._known() or not self._in_flight[question]

    def _count(self, question: bytes, more: int) -> None:
        self._in_flight[question] += more
        if not self._in_flight[question]:
            del self._in_flight[question]
        self._baton.notify_all()

    def _known(self) -> dict[bytes, str]:
        """Look at the store on first need; where two contexts hold the same, the one that changed last counts."""
        if self._contexts is None:
            self._contexts = {}
            contexts = sorted(self._store.contexts(), key=_changed_last)
            for context in contexts[-_MOST_LOOKED_AT:]:
                self._contexts |= dict.fromkeys(_marks_of(context), context.context_id)
        return self._contexts


def _said(request: Mapping[str, Any]) -> list[Turn]:
    """Return a request's messages but for the model's tool calls, which each API words in its own way."""
    return [turn for turn in turns(request) if turn.role != _ASSISTANT or _is_answer(turn)]


def _is_answer(turn: Turn) -> bool:
    return turn.role == _ASSISTANT and bool(turn.text.strip())


def _mark(request: Mapping[str, Any]) -> bytes:
    """Return the mark of all that a request says."""
    *_, mark = _marks(system_prompt(request), _said(request))
    return mark


def _marks(prompt: str | None, said: Iterable[Turn]) -> Iterator[bytes]:
    """Return, before the first turn and after each, a mark of all that was said; outer white space counts in none."""
    mark = hashlib.sha256((prompt or "").strip().encode("utf-8", "surrogatepass"))
    yield mark.copy().digest()
    for turn in said:
        mark.update(f"\0{turn.role}\0{turn.text.strip()}".encode("utf-8", "surrogatepass"))
        yield mark.copy().digest()


def _marks_of(context: Context) -> list[bytes]:
    """Return the marks of what a context holds, after each of its answers."""
    try:
        name = context.metadata.active_branch_name
        messages = context.messages(branch=name)
        prompt = context.branches[name].system_prompt
    except (ChatkitError, KeyError):
        return []  # it can't be gone on with, so a conversation that would begins anew
    said = [Turn(message.role, message.content) for message in messages]
    said = [turn for turn in said if turn.role != _ASSISTANT or _is_answer(turn)]
    _, *marks = _marks(prompt, said)
    return [mark for turn, mark in zip(said, marks, strict=True) if _is_answer(turn)]


def _changed_last(context: Context) -> float:
    changed = context.metadata.updated_at
    return 0.0 if changed is None else changed.timestamp()
