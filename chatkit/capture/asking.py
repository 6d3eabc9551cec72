"""What a recording stores before the first chunk: the context, and what its request says that is new."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.capture.request import Turn, n_repeated, system_prompt, title, turns
from chatkit.models import Branch, ContextConfig, Message
from chatkit.models.context import MAIN
from chatkit.store import Store
from chatkit.store.urls import is_url

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chatkit.store import Context

_ASSISTANT = "assistant"


def store_at(place: Store | str | os.PathLike[str]) -> Store:
    """Return the store that is meant: itself, the one at a path, or a new one where nothing is yet.

    Raises:
        FormatError: something else is at the path.
        ReadOnlyError: it is a URL.
    """
    if isinstance(place, Store):
        return place
    if is_url(str(place)):
        return Store.create(place)  # says what is wrong with that
    path = Path(place)
    is_free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    return Store.create(path) if is_free else Store(path)


def new_context(store: Store, request: Mapping[str, Any], model: str | None, name: str | None) -> Context:
    """Make a context for a request; its title is what the user said last, unless it has a name."""
    return store.create_context(
        title=name or title(reversed(turns(request))),
        config=ContextConfig(model_id=model),
        branches={MAIN: Branch(name=MAIN, system_prompt=system_prompt(request))},
    )


def ask(context: Context, request: Mapping[str, Any], at: datetime) -> str | None:
    """Store what a request says that its context does not hold yet.

    Returns:
        The id of the message that the response answers; None where that is the last of the branch.
    """
    asked = [turn for turn in turns(request) if not _is_bare_call(turn)]
    said = _said(context)
    known = _known(said, asked)
    parent_id = known[-1] if known and known[-1] not in said[-1] else None
    new: list[Message] = []
    for turn in asked[len(known) :]:
        new.append(_message(turn, parent_id, at))
        parent_id = new[-1].message_id
    if new:
        context.append_messages(new, at=at)
    return parent_id


def _said(context: Context) -> list[dict[str, Turn]]:
    """Return what was said, in order, by message id; the choices of one response stand together."""
    messages = context.messages(branch=context.metadata.active_branch_name)
    turns_of = [(message, Turn(message.role, message.content)) for message in messages]
    told = [(message, turn) for message, turn in turns_of if not _is_bare_call(turn)]
    return [{message.message_id: turn for message, turn in step} for _, step in groupby(told, key=_step_of)]


def _step_of(told: tuple[Message, Turn]) -> tuple[str, str | None]:
    """Return what the choices of one response share, and nothing else shares with them."""
    message, turn = told
    return turn.role, message.parent_id if turn.role == _ASSISTANT else message.message_id


def _known(said: Sequence[dict[str, Turn]], asked: Sequence[Turn]) -> list[str]:
    """Return the ids of the messages that a request begins with and its context holds.

    A request repeats the conversation from its start, or from somewhere on to its end (a window of the last turns).
    """
    steps = [list(step.values()) for step in said]
    for start in range(len(said)):
        n_same = n_repeated(steps[start:], asked)
        if n_same and (start == 0 or start + n_same == len(said)):
            return [_id_of(turn, step) for turn, step in zip(asked[:n_same], said[start:], strict=False)]
    return []


def _id_of(turn: Turn, step: dict[str, Turn]) -> str:
    return next(message_id for message_id, said in step.items() if turn.says_as(said))


def _is_bare_call(turn: Turn) -> bool:
    """Whether a turn is the model's and has no text: it called a tool, which each API words in its own way."""
    return turn.role == _ASSISTANT and not turn.text.strip()


def _message(turn: Turn, parent_id: str | None, at: datetime) -> Message:
    message = Message.from_text(turn.text, role=turn.role, parent_id=parent_id, created_at=at)
    return message.model_copy(update={"parts": list(turn.other_parts)}) if turn.other_parts else message
