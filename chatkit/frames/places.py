"""What contexts are, and where each message stands in its context."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.files import ABSENT
from chatkit.frames.moments import UTC_US, moments
from chatkit.frames.part import KEY, TEXTS, WHOLE
from chatkit.models.message import RESPONSE_TYPE
from chatkit.models.text import well_formed
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from chatkit.frames.context_file import IndexFile, MetadataFile
    from chatkit.frames.files import Key
    from chatkit.models import ContextMetadata, Message
    from chatkit.models.context import State
    from chatkit.store import Context

METADATA_KEY, INDEX_KEY = ([f"{file}_{name}" for name in KEY] for file in ("metadata", "index"))
CONTEXTS = pa.schema(
    [
        ("context_id", TEXTS),
        *((name, WHOLE) for name in (*METADATA_KEY, *INDEX_KEY)),
        ("title", TEXTS),
        ("current_state", TEXTS),
        ("created_at", UTC_US),
        ("updated_at", UTC_US),
        ("model", TEXTS),
        ("n_messages", WHOLE),
        ("n_responses", WHOLE),
        ("n_branches", WHOLE),
        ("format", TEXTS),
    ]
)
"""A row a context; it has ``n_messages`` rows among the places."""

PLACES = pa.schema(
    [("message_id", TEXTS), ("position", WHOLE), ("branches", TEXTS), ("turn", WHOLE), ("response_index", WHOLE)]
)
"""A row an entry of an index, in its order; ``branches`` and what follows is null where no branch lists it."""


class Contexts(NamedTuple):
    """Contexts and the places of their messages, those of one context together and in its index's order."""

    rows: pa.Table
    places: pa.Table

    @classmethod
    @cache
    def none(cls) -> Contexts:
        """Return no contexts."""
        return cls(CONTEXTS.empty_table(), PLACES.empty_table())

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of places of each context."""
        return np.asarray(self.rows["n_messages"], dtype=np.int64)

    def take(self, order: NDArray[np.int64]) -> Contexts:
        """Return contexts in another order, or some of them."""
        if len(order) == self.rows.num_rows and (order == np.arange(len(order))).all():
            return self
        return Contexts(self.rows.take(pa.array(order)), self.places.take(pa.array(self.places_of(order))))

    def places_of(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that the places of these contexts have."""
        counts = self.counts
        starts, taken = np.cumsum(counts) - counts, counts[order]
        ends = np.cumsum(taken)
        total = int(ends[-1]) if len(ends) else 0
        places: NDArray[np.int64] = np.arange(total) + np.repeat(starts[order] - (ends - taken), taken)
        return places

    @classmethod
    def together(cls, several: Sequence[Contexts]) -> Contexts:
        """Put contexts of several origins together."""
        if not several:
            return cls.none()
        return cls(pa.concat_tables([one.rows for one in several]), pa.concat_tables([one.places for one in several]))


class ContextRow(NamedTuple):
    """One context on its way into columns; times as text."""

    context_id: str
    title: str | None
    current_state: str | None
    created_at: str | None
    updated_at: str | None
    model: str | None
    n_branches: int
    format: str
    places: list[tuple[str, int, str | None, int | None, int | None]]
    n_responses: int
    other_times: Sequence[str | None] = ()
    keys: Sequence[int] = (*ABSENT, *ABSENT)


def row_of_files(told: MetadataFile, listed: IndexFile, metadata: Key, index: Key) -> ContextRow:
    """Make a row of a context's files."""
    return ContextRow(
        context_id=told.context_id,
        title=told.title,
        current_state=_name_of(told.current_state),
        created_at=told.created_at,
        updated_at=told.updated_at,
        model=told.config.model_id,
        n_branches=len(told.branches),
        format="chatkit",
        places=_places(listed.messages, told.branches, told.active_branch_name),
        n_responses=_n_responses(listed.messages),
        other_times=[entry.created_at for entry in listed.messages],
        keys=(*metadata, *index),
    )


def row_of_context(context: Context) -> ContextRow:
    """Make a row of a context as the models have it."""
    return row_of_metadata(context.metadata, context.entries, context.current_state, context.format_name)


def row_of_metadata(metadata: ContextMetadata, entries: Sequence[Any], state: State, format_name: str) -> ContextRow:
    """Make a row of what a context is and what it lists: entries with an id, a role and a type, in their order."""
    return ContextRow(
        context_id=metadata.context_id,
        title=metadata.title,
        current_state=_name_of(state),
        created_at=_stamp(metadata.created_at),
        updated_at=_stamp(metadata.updated_at),
        model=metadata.config.model_id,
        n_branches=len(metadata.branches),
        format=format_name,
        places=_places(entries, metadata.branches, metadata.active_branch_name),
        n_responses=_n_responses(entries),
    )


def contexts_of(rows: Sequence[ContextRow]) -> tuple[Contexts, list[int]]:
    """Make columns of contexts, and tell the rows of which a text for a time is none: they have none here."""
    if not rows:  # as where all is cached
        return Contexts.none(), []
    created, updated = moments([row.created_at for row in rows]), moments([row.updated_at for row in rows])
    others = moments([stamp for row in rows for stamp in row.other_times])
    of_row = np.repeat(np.arange(len(rows)), [len(row.other_times) for row in rows])
    bad = {*created.bad.tolist(), *updated.bad.tolist(), *of_row[others.bad].tolist()}
    if bad:
        return contexts_of([row for number, row in enumerate(rows) if number not in bad])[0], sorted(bad)
    keys = np.array([row.keys for row in rows], dtype=np.int64).reshape(-1, 2 * len(KEY))
    columns = {
        "created_at": pa.array(created.us, pa.int64(), mask=~created.known).cast(UTC_US),
        "updated_at": pa.array(updated.us, pa.int64(), mask=~updated.known).cast(UTC_US),
        "n_messages": pa.array([len(row.places) for row in rows], WHOLE),
        **{name: pa.array(keys[:, place]) for place, name in enumerate([*METADATA_KEY, *INDEX_KEY])},
    }
    made = [
        columns[field.name] if field.name in columns else _column([getattr(row, field.name) for row in rows], field)
        for field in CONTEXTS
    ]
    places = list(zip(*(place for row in rows for place in row.places), strict=True)) or [()] * len(PLACES)
    return Contexts(
        pa.table(made, schema=CONTEXTS),
        pa.table([_column(values, field) for values, field in zip(places, PLACES, strict=True)], schema=PLACES),
    ), []


def creation_order(contexts: Contexts) -> NDArray[np.int64]:
    """Return the order of contexts: by their creation, unknown last, then by id."""
    keys = [("created_at", "ascending"), ("context_id", "ascending")]
    return np.asarray(pc.sort_indices(contexts.rows.select(["created_at", "context_id"]), keys)).astype(np.int64)


def places_of_messages(messages: Sequence[Message]) -> pa.Table:
    """Return the places of single messages: all that is known is what they say."""
    unknown = [None] * len(messages)
    known: dict[str, list[Any]] = {
        "message_id": [one.message_id for one in messages],
        "position": [one.position for one in messages],
    }
    return pa.table([_column(known.get(field.name, unknown), field) for field in PLACES], schema=PLACES)


def _column(values: Sequence[Any], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        return pa.array([None if value is None else well_formed(value) for value in values], field.type)


def _places(
    entries: Sequence[Any], branches: Mapping[str, Any], active: str
) -> list[tuple[str, int, str | None, int | None, int | None]]:
    """Return where each message of a context stands, in the order of its index."""
    roles = {entry.message_id: entry.role for entry in entries}
    positions = {message_id: position for position, message_id in enumerate(roles)}
    turns = _turns(branches, active, roles)
    responses = [entry.message_id for entry in entries if entry.message_type == RESPONSE_TYPE]
    index_of = {message_id: place for place, message_id in enumerate(responses)}
    listing: dict[str, list[str]] = {}
    for name, branch in branches.items():
        for message_id in branch.message_ids:
            listing.setdefault(message_id, []).append(name)
    return [
        (one, positions[one], ", ".join(listing[one]), turns.get(one), index_of.get(one))
        if one in listing
        else (one, positions[one], None, None, None)
        for one in (entry.message_id for entry in entries)
    ]


def _turns(branches: Mapping[str, Any], active: str, roles: dict[str, str]) -> dict[str, int]:
    """Count the user messages before each message, minus one: on the active branch, else the first that lists it."""
    turns: dict[str, int] = {}
    for _, branch in sorted(branches.items(), key=lambda item: item[0] != active):
        n_asked = 0
        for message_id in branch.message_ids:
            turns.setdefault(message_id, n_asked - 1)
            n_asked += roles.get(message_id) == "user"
    return turns


def _n_responses(entries: Sequence[Any]) -> int:
    return sum(entry.message_type == RESPONSE_TYPE for entry in entries)


def _name_of(state: str | Mapping[str, Any]) -> str | None:
    return state if isinstance(state, str) else next(iter(state), None)


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else format_stamp(moment)
