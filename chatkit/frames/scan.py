"""Files into columns: the only place where tables touch stores.

Everything above asks :func:`scan` for rows and knows nothing of files, caches and formats.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.compaction import places_in
from chatkit.frames.memory import frugal_memory
from chatkit.frames.message_file import labels_of
from chatkit.frames.origins import Reader
from chatkit.frames.part import MESSAGES, MESSAGES_ONLY, TEXTS, Selection, Wanted
from chatkit.frames.places import Contexts, creation_order, places_of_messages
from chatkit.frames.progress import Progress
from chatkit.frames.source import named_in
from chatkit.frames.values import id_index, us_of
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from chatkit.frames.filters import Filters
    from chatkit.frames.origins import Origin
    from chatkit.frames.source import Source
    from chatkit.models import Message


_IDS = ("message_id", "context_id")


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages of a source, in order.

    Attributes:
        messages: what their files say.
        places: :data:`chatkit.frames.places.PLACES`, a row a message.
        of_context: the number of each one's context; -1 where it has none.
        of_message: the number of each one's id.
    """

    messages: Selection
    places: pa.Table
    of_context: NDArray[np.int64]
    of_message: NDArray[np.int64]

    def where(self, keep: NDArray[np.bool_]) -> Rows:
        """Return only the rows at which ``keep`` is true."""
        if keep.all():
            return self
        places = self.places.filter(pa.array(keep))
        return Rows(self.messages.where(keep), places, self.of_context[keep], self.of_message[keep])

    def known(self, names: Iterable[str]) -> pa.Table:
        """Return those of these columns that the files give, ids left out: all at once is faster than by turns."""
        return self.messages.messages([name for name in names if name in MESSAGES.names and name not in _IDS])

    def labels(self, keys: Sequence[str]) -> dict[str, list[Any]]:
        """Return for each key its value in each message's own metadata; None where it has none."""
        if not keys:
            return {}
        told = [labels_of(text) for text in self.messages.column("labels").to_pylist()]
        return {key: [one.get(key) for one in told] for key in keys}


@dataclass(frozen=True)
class Scan:
    """What was read.

    Attributes:
        context_ids: every context of the source, in order: the categories of all tables.
        message_ids: every message of it, likewise.
        contexts: :data:`chatkit.frames.places.CONTEXTS`.
        rows: every message that could be read.
        filters: which of them are wanted.
    """

    context_ids: pa.Array
    message_ids: pa.Array
    contexts: pa.Table
    rows: Rows
    filters: Filters

    @cached_property
    def context_index(self) -> pd.Index:
        """The context ids as categories."""
        return id_index(self.context_ids)

    @cached_property
    def message_index(self) -> pd.Index:
        """The message ids as categories."""
        return id_index(self.message_ids)

    def messages(self) -> Rows:
        """Return the messages that the filters leave."""
        return self._filtered(self.rows, "created_at")

    def responses(self) -> Rows:
        """Return the responses that the filters leave."""
        return self._filtered(self.rows.where(np.asarray(self.rows.messages.column("is_response"))), "started_at")

    def _filtered(self, rows: Rows, moment: str) -> Rows:
        if not self.filters.of_rows:
            return rows
        known = rows.messages.messages(["model", moment])
        return rows.where(wanted_rows(self.filters, known["model"], known[moment]))


def wanted_rows(filters: Filters, models: pa.ChunkedArray, moments: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return which rows of these models and times are wanted; one of unknown time is not, where a time is asked for."""
    keep = np.ones(len(models), dtype=np.bool_)
    if filters.models is not None:
        keep &= np.asarray(pc.is_in(models, value_set=pa.array(list(filters.models), TEXTS)))
    if filters.since is not None or filters.until is not None:
        keep &= np.asarray(moments.is_valid())
    us = us_of(moments)
    if filters.since is not None:
        keep &= us >= to_us(filters.since)
    if filters.until is not None:
        keep &= us < to_us(filters.until)
    return keep


def scan(source: Source, filters: Filters, *, keep: Wanted = MESSAGES_ONLY, cache: bool = True) -> Scan:
    """Read all that the filters ask for. Files that can't be read are noted in their store, in one warning a store.

    Args:
        source: what to read.
        filters: which rows are wanted.
        keep: which columns of messages and chunks are wanted.
        cache: whether what was parsed is taken from the user's cache folder, and kept there.
    """
    with ExitStack() as reading:
        reading.enter_context(frugal_memory())
        named = named_in(source, reading)
        reader = Reader(keep, cache, reading.enter_context(Progress()))
        wanted = None if filters.context_id is None else named.context_ids(filters.context_id)
        origins = [origin for store in named.stores for origin in reader.store(store, wanted)]
        chosen = [one for one in named.contexts if wanted is None or one.context_id in wanted]
        origins += [reader.contexts(chosen)] if chosen else []
        alone = [one for one in named.messages if wanted is None or one.context_id in wanted]
        return _scan(origins, alone, filters, reader)


def _scan(origins: Sequence[Origin], alone: Sequence[Message], filters: Filters, reader: Reader) -> Scan:
    together = Contexts.together([origin.contexts for origin in origins])
    order = _first_of_each(together)
    _tell(origins, together, order)
    contexts = together.take(order)
    messages = Selection.together([origin.messages for origin in origins]).take(together.places_of(order))
    of_context = np.repeat(np.arange(len(order)), contexts.counts)
    listed = contexts.places["message_id"]
    context_ids, message_ids = pc.unique(contexts.rows["context_id"]), pc.unique(listed)
    rows = Rows(messages, contexts.places, of_context, places_in(listed, message_ids))
    found = Scan(context_ids, message_ids, contexts.rows, _read_ones(rows), filters)
    return _with_messages(found, _unlisted(alone, listed), reader) if alone else found


def _with_messages(found: Scan, alone: Sequence[Message], reader: Reader) -> Scan:
    """Put single messages after those of contexts."""
    own_ids, own_contexts = (pa.array([getattr(one, name) for one in alone], TEXTS) for name in _IDS)
    context_ids = pc.unique(pa.chunked_array([found.context_ids, own_contexts.drop_null()]))
    message_ids = pc.unique(pa.chunked_array([found.message_ids, own_ids]))
    rows = Rows(
        Selection.together([found.rows.messages, reader.messages(alone)]),
        pa.concat_tables([found.rows.places, places_of_messages(alone)]),
        np.concatenate([found.rows.of_context, places_in(own_contexts, context_ids)]),
        np.concatenate([found.rows.of_message, places_in(own_ids, message_ids)]),
    )
    return replace(found, context_ids=context_ids, message_ids=message_ids, rows=_read_ones(rows))


def _first_of_each(together: Contexts) -> NDArray[np.int64]:
    """Return the order of contexts, each once: where one was named twice, as it was first."""
    ids = together.rows["context_id"]
    is_first = np.asarray(pc.index_in(ids, value_set=ids)) == np.arange(len(ids))
    order = creation_order(together)
    first: NDArray[np.int64] = order[is_first[order]]
    return first


def _tell(origins: Sequence[Origin], together: Contexts, order: NDArray[np.int64]) -> None:
    """Tell the stores what is wrong with their files, in the order of the contexts."""
    if not any(origin.found for origin in origins):
        return
    of_origin = np.repeat(np.arange(len(origins)), [origin.contexts.rows.num_rows for origin in origins])
    ids = together.rows["context_id"].to_pylist()
    for place in order.tolist():
        origin = origins[of_origin[place]]
        for found in origin.found.get(ids[place], ()):
            found.tell(origin.problems)


def _unlisted(alone: Sequence[Message], listed: pa.ChunkedArray) -> list[Message]:
    """Return single messages that no context lists, each once."""
    by_id = {message.message_id: message for message in alone}
    ids = pa.array(list(by_id), TEXTS)
    return [by_id[one] for one in ids.filter(pc.invert(pc.is_in(ids, value_set=listed))).to_pylist()]


def _read_ones(rows: Rows) -> Rows:
    """Leave out messages that can't be read."""
    there = rows.where(rows.messages.part >= 0)
    return there.where(np.asarray(there.messages.column("is_read")))
