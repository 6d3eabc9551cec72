"""What a table can be made of, resolved to contexts and messages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from chatkit.models import Message
from chatkit.store import Context, Store
from chatkit.store.ids import id_text, resolve
from chatkit.store.problems import disorder_in

if TYPE_CHECKING:
    from contextlib import ExitStack

    from chatkit.store import Problem

Source = Store | Context | Message | str | os.PathLike[str] | Iterable["Source"]
"""A store, its path, a context, a message, or several of those."""


class Parts(NamedTuple):
    """The contexts and the single messages of a source, and the stores that were named."""

    stores: list[Store]
    contexts: list[Context]
    messages: list[Message]


class Named(NamedTuple):
    """The stores, contexts and messages that a source names; nothing of them has been read."""

    stores: list[Store]
    contexts: list[Context]
    messages: list[Message]

    def context_ids(self, wanted: Any) -> set[str]:
        """Return the whole ids of contexts that are meant; those of stores are listed for this only where need be.

        Raises:
            NotFoundError: no context has this id, or several begin so.
        """
        known = {context.context_id for context in self.contexts}
        for store in self.stores:
            known |= store.contexts_by_id().keys()
        return _ids(wanted, known)


def named_in(source: Source, reading: ExitStack) -> Named:
    """Tell what a source names. When ``reading`` ends, each store says in one warning what was wrong until then.

    Raises:
        FormatError: a path holds no store.
        TypeError: the source is none.
    """
    found = Named([], [], [])
    for single in _flat(source):
        if isinstance(single, Message):
            found.messages.append(single)
        elif isinstance(single, Context):
            reading.enter_context(single.one_warning())
            found.contexts.append(single)
        else:
            store = _store(single)
            reading.enter_context(store.one_warning())
            found.stores.append(store)
    return found


def problems_of(source: Source) -> list[Problem]:
    """Return what is wrong in the files of all that a source names; each thing once."""
    found: dict[Problem, None] = {}
    for single in _flat(source):
        if isinstance(single, Message):
            disorder = disorder_in(single)
            found |= {} if disorder is None else {disorder: None}
        else:
            found |= dict.fromkeys((single if isinstance(single, Context) else _store(single)).problems())
    return list(found)


def parts_of(source: Source, context_id: Any = None, *, reading: ExitStack | None = None) -> Parts:
    """Resolve a source; contexts come in the order of their creation, unknown last, then by id.

    Args:
        source: see :data:`Source`.
        context_id: only this context, or these: an id, a unique beginning of one, a row of a table, or a list.
        reading: when it ends, each store says in one warning what was wrong with its files until then; without
            it, a warning comes from each step.

    Raises:
        FormatError: a path holds no store.
        NotFoundError: no context has this id.
        TypeError: the source is none.
    """
    found = Parts([], [], [])
    for single in _flat(source):
        if isinstance(single, Message):
            found.messages.append(single)
        elif isinstance(single, Context):
            if reading is not None:
                reading.enter_context(single.one_warning())
            found.contexts.append(single)
        else:
            store = _store(single)
            if reading is not None:
                reading.enter_context(store.one_warning())
            found.stores.append(store)
            found.contexts.extend(store.contexts())
    contexts = each_once(found.contexts)
    if context_id is None:
        return found._replace(contexts=contexts)
    wanted = _ids(context_id, {context.context_id for context in contexts})
    return found._replace(
        contexts=[context for context in contexts if context.context_id in wanted],
        messages=[message for message in found.messages if message.context_id in wanted],
    )


def _store(named: Any) -> Store:
    return named if isinstance(named, Store) else Store(named)


def _flat(source: Any) -> Iterator[Any]:
    if isinstance(source, Store | Context | Message | str | os.PathLike):
        yield source
    elif isinstance(source, Iterable) and not isinstance(source, pd.DataFrame):  # its parts would be column names
        for part in source:
            yield from _flat(part)
    else:
        what = "a DataFrame" if isinstance(source, pd.DataFrame) else repr(source)
        raise TypeError(f"{what} is no source: give a Store, a path, a Context, a Message, or a list of those")


def each_once(contexts: Sequence[Context]) -> list[Context]:
    """Drop contexts that were named twice (the first one counts), and put the others in the order of their creation."""
    by_id = {context.context_id: context for context in reversed(contexts)}
    return sorted(by_id.values(), key=Context.creation_order)


def _ids(wanted: Any, known: set[str]) -> set[str]:
    several = wanted if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
    return {resolve(id_text(single, "context_id"), known, "context") for single in several}
