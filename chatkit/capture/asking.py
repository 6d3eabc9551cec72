"""What a recording stores before the first chunk: the context, and what its request says that is new."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.capture.request import ASSISTANT, Turn, system_prompt, title, turn_of, turns
from chatkit.models import Branch, ContextConfig, Message
from chatkit.models.context import MAIN
from chatkit.store import Store
from chatkit.store.urls import is_url

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chatkit.store import Context


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
    asked = turns(request)
    n_known, parent_id = _known(_said(context), asked)
    new: list[Message] = []
    for turn in asked[n_known:]:
        if turn.is_bare_call:  # of an answer that is not here
            continue
        new.append(_message(turn, parent_id, at))
        parent_id = new[-1].message_id
    if new:
        context.append_messages(new, at=at)
    return parent_id


def _said(context: Context) -> list[dict[str, Turn]]:
    """Return what was said, in order, by message id; the choices of one response stand together."""
    messages = context.messages(branch=context.metadata.active_branch_name)
    return [{message.message_id: turn_of(message) for message in step} for _, step in groupby(messages, key=_step_of)]


def _step_of(message: Message) -> tuple[str, str | None]:
    """Return what the choices of one response share, and nothing else shares with them."""
    return message.role, message.parent_id if message.role == ASSISTANT else message.message_id


def _known(said: Sequence[dict[str, Turn]], asked: Sequence[Turn]) -> tuple[int, str | None]:
    """Return how many of a request's messages its context holds, and the id of the last of them.

    A request repeats the conversation from its start, or from somewhere on to its end (a window of the last turns).
    """
    for start in range(len(said)):
        n_known, n_steps, last_id = _repeated(said[start:], asked)
        if last_id and (start == 0 or start + n_steps == len(said)):
            return n_known, last_id
    return 0, None


def _repeated(said: Sequence[dict[str, Turn]], asked: Sequence[Turn]) -> tuple[int, int, str | None]:
    """Return how far a request repeats the steps, in its own messages and in steps, and the id of the last step's.

    A call without text may be missing on either side: not every client repeats it, and not every store holds it.
    """
    n_known = n_steps = 0
    last_id: str | None = None
    while n_known < len(asked) and n_steps < len(said):
        turn, step = asked[n_known], said[n_steps]
        if any(turn.says_as(before) for before in step.values()):
            last_id = _id_of(turn, step)
            n_known, n_steps = n_known + 1, n_steps + 1
        elif turn.is_bare_call:
            n_known += 1
        elif last_id and all(before.is_bare_call for before in step.values()):
            last_id = [*step][-1]
            n_steps += 1
        else:
            break
    return n_known, n_steps, last_id


def _id_of(turn: Turn, step: dict[str, Turn]) -> str:
    """Return the id of the choice that a request repeats; of those with the same text, the one that called the same."""
    same = [message_id for message_id, before in step.items() if turn.says_as(before)]
    return next((message_id for message_id in same if step[message_id].called == turn.called), same[0])


def _message(turn: Turn, parent_id: str | None, at: datetime) -> Message:
    message = Message.from_text(turn.text, role=turn.role, parent_id=parent_id, created_at=at)
    return message.model_copy(update={"parts": list(turn.other_parts)}) if turn.other_parts else message
