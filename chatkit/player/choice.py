"""What a player is to play, resolved to messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from chatkit.models import Message

if TYPE_CHECKING:
    from chatkit.store import Store

Playable = Any
"""A message, the id of one or a row of a table (with a store), a whole table, or several of those."""


def messages_of(chosen: Playable, store: Store | None = None) -> list[Message]:
    """Resolve what was chosen to messages; ids and rows are looked up in the store.

    Raises:
        NotFoundError: the store has no such message.
        TypeError: this is neither, or it is an id and no store was given.
        ValueError: the list is empty.
    """
    messages = [_message(each, store) for each in _single(chosen)]
    if not messages:
        raise ValueError("no message to replay: the list is empty")
    return messages


def _single(chosen: Playable) -> list[Any]:
    if isinstance(chosen, pd.DataFrame):
        return list(chosen["message_id"])
    is_one = isinstance(chosen, str) or hasattr(chosen, "message_id")  # a row is iterable too
    if is_one or not isinstance(chosen, Iterable) or isinstance(chosen, bytes | dict):
        return [chosen]
    return list(chosen)


def _message(each: Any, store: Store | None) -> Message:
    if isinstance(each, Message):
        return each
    if isinstance(each, dict) and "message_id" in each:
        each = str(each["message_id"])  # a row, as to_dict("records") gives it
    if not isinstance(each, str) and not hasattr(each, "message_id"):
        raise TypeError(f"not a message: {type(each).__name__}; give a Message, its id with store=…, or a list of them")
    if store is None:
        raise TypeError(f"not a message: {type(each).__name__}; to play an id or a row of a table, give store=… too")
    return store.message(each)
