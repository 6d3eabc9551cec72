"""Which context a request goes on with: the one whose messages and answer it begins with."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from chatkit.capture.request import ASSISTANT, system_prompt, turn_of, turns
from chatkit.errors import ChatkitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from threading import Condition

    from chatkit.capture.request import Turn
    from chatkit.models import Message
    from chatkit.store import Context, Store

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
        *_, (question, *_) = _marks(system_prompt(request), turns(request))
        self._count(question, 1)
        try:
            yield
        finally:
            self._count(question, -1)

    def context_of(self, request: Mapping[str, Any]) -> str | None:
        """Return the id of the context that a request goes on with; None for a new conversation.

        Where the answer that it goes on with may be one that is still being recorded, wait a little.
        """
        said = turns(request)
        marks = [*_marks(system_prompt(request), said)]
        for turn, (question, *_), answer in reversed([*zip(said, marks, marks[1:], strict=False)]):
            if turn.role != ASSISTANT:
                continue
            self._baton.wait_for(partial(self._is_settled, question, answer[0]), _LONGEST_WAIT_S)
            for mark in answer:
                if mark in self._known():
                    return self._known()[mark]
        return None

    def remember(self, request: Mapping[str, Any], answers: Iterable[Message], context_id: str) -> None:
        """Note what was answered, so that a request that repeats it is known."""
        said, prompt = turns(request), system_prompt(request)
        for answer in filter(_is_said, answers):
            *_, marks = _marks(prompt, [*said, turn_of(answer)])
            self._known().update(dict.fromkeys(marks, context_id))
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


def _is_said(message: Message) -> bool:
    """Whether a request may repeat a message: not where its answer broke off before anything came."""
    turn, response = turn_of(message), message.streaming_response
    is_whole = response is not None and response.status == "complete"
    return not turn.is_bare_call or bool(turn.called) or is_whole


def _marks(prompt: str | None, said: Iterable[Turn]) -> Iterator[tuple[bytes, ...]]:
    """Return, before the first turn and after each, the marks of all that was said; outer white space counts in none.

    The first is one of texts and tool calls. After a text there is another one of the texts alone: not every client
    repeats the calls, and not every store holds them.
    """
    whole = hashlib.sha256(_bytes((prompt or "").strip()))
    texts = whole.copy()
    yield whole.digest(), texts.digest()
    for turn in said:
        text = _bytes(f"\0{turn.role}\0{turn.text.strip()}")
        whole.update(text + _bytes(f"\0\0{turn.called}" if turn.called else ""))
        if turn.is_bare_call:
            yield (whole.digest(),)
        else:
            texts.update(text)
            yield whole.digest(), texts.digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _marks_of(context: Context) -> list[bytes]:
    """Return the marks of what a context holds, after each of its answers."""
    try:
        name = context.metadata.active_branch_name
        messages = context.messages(branch=name)
        prompt = context.branches[name].system_prompt
    except (ChatkitError, KeyError):
        return []  # it can't be gone on with, so a conversation that would begins anew
    said = [turn_of(message) for message in filter(_is_said, messages)]
    _, *marks = _marks(prompt, said)
    return [mark for turn, after in zip(said, marks, strict=True) if turn.role == ASSISTANT for mark in after]


def _changed_last(context: Context) -> float:
    changed = context.metadata.updated_at
    return 0.0 if changed is None else changed.timestamp()
