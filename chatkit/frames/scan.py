"""Messages into columns: the only place where tables touch files.

Everything above asks :func:`scan` for plain columns and knows nothing of stores; a faster scan, or a cache in
front of it, takes the place of this one without any table noticing.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.frames.source import Parts, parts_of
from chatkit.models.message import RESPONSE_TYPE
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chatkit.frames.filters import Filters
    from chatkit.frames.source import Source
    from chatkit.models import Message, Response
    from chatkit.store import Context

Columns = dict[str, list[Any]]


class Place(NamedTuple):
    """Where a message stands in its context; None where that is not known."""

    position: int | None = None
    branches: str | None = None
    turn: int | None = None
    response_index: int | None = None


@dataclass(slots=True)
class Scan:
    """What was read, column by column; times are µs since the epoch, None if unknown.

    Attributes:
        context_ids: every context of the source, in order.
        message_ids: every message of it, in order.
        contexts: a row a context.
        messages: a row a message.
        responses: a row a response.
        chunks: a row a chunk, those of one response together.
        chunk_counts: chunks of each response.
        message_labels: for each label, its value in each message.
        response_labels: for each label, its value in each response.
    """

    context_ids: list[str] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    contexts: Columns = field(default_factory=dict)
    messages: Columns = field(default_factory=dict)
    responses: Columns = field(default_factory=dict)
    chunks: Columns = field(default_factory=dict)
    chunk_counts: list[int] = field(default_factory=list)
    message_labels: Columns = field(default_factory=dict)
    response_labels: Columns = field(default_factory=dict)

    @property
    def ids(self) -> dict[str, list[str]]:
        """The categories that all tables of this source share."""
        return {"context_id": self.context_ids, "message_id": self.message_ids}


def scan(source: Source, filters: Filters) -> Scan:
    """Read all that the filters ask for. Files that can't be read are noted in their store, in one warning a store."""
    with ExitStack() as reading:
        parts = parts_of(source, filters.context_id, reading=reading)
        return _scan(parts, filters)


def _scan(parts: Parts, filters: Filters) -> Scan:
    found = Scan()
    context_ids = dict.fromkeys(context.context_id for context in parts.contexts)
    message_ids: dict[str, None] = {}
    for context in parts.contexts:
        _add_context(found, context)
        places = _places(context)
        message_ids |= dict.fromkeys(places)
        _add_messages(found, context.messages(), places, filters, context.context_id)
    alone = {message.message_id: message for message in parts.messages if message.message_id not in message_ids}
    message_ids |= dict.fromkeys(alone)
    context_ids |= dict.fromkeys(m.context_id for m in alone.values() if m.context_id is not None)
    _add_messages(found, alone.values(), {}, filters)
    found.context_ids, found.message_ids = list(context_ids), list(message_ids)
    return found


def _add(columns: Columns, row: dict[str, Any]) -> None:
    for name, value in row.items():
        columns.setdefault(name, []).append(value)


def _add_context(found: Scan, context: Context) -> None:
    metadata = context.metadata
    state = context.current_state
    row = {
        "context_id": context.context_id,
        "title": metadata.title,
        "current_state": state if isinstance(state, str) else next(iter(state), None),
        "created_at": _us(metadata.created_at),
        "updated_at": _us(metadata.updated_at),
        "model": metadata.config.model_id,
        "n_messages": len(context.entries),
        "n_responses": sum(entry.message_type == RESPONSE_TYPE for entry in context.entries),
        "n_branches": len(metadata.branches),
        "format": context.format_name,
    }
    _add(found.contexts, row)


def _add_messages(
    found: Scan,
    messages: Iterable[Message],
    places: dict[str, Place],
    filters: Filters,
    context_id: str | None = None,
) -> None:
    """Add messages; they belong to the context whose folder holds them, or else to the one they name."""
    for message in messages:
        context = {"context_id": context_id or message.context_id}
        response = message.streaming_response
        model = response.model if response else None
        if not filters.wants_model(model):
            continue
        place = places.get(message.message_id, Place(message.position))
        if filters.wants_time(message.created_at):
            _add(found.messages, context | _message_row(message, place))
            _add(found.message_labels, {key: message.metadata.get(key) for key in filters.labels})
        if response and filters.wants_time(response.started_at):
            _add(found.responses, context | _response_row(message, response, place))
            _add(found.response_labels, {key: message.metadata.get(key) for key in filters.labels})
            _add_chunks(found, response)


def _message_row(message: Message, place: Place) -> dict[str, Any]:
    response = message.streaming_response
    return {
        "message_id": message.message_id,
        "parent_id": message.parent_id,
        "role": message.role,
        "message_type": message.message_type,
        "created_at": _us(message.created_at),
        "position": place.position,
        "branches": place.branches,
        "content": message.content,
        "n_chunks": len(response.shown) if response else None,
    }


def _response_row(message: Message, response: Response, place: Place) -> dict[str, Any]:
    usage, metadata = response.usage, response.metadata
    timings = metadata.server_timings or {}
    return {
        "message_id": message.message_id,
        "parent_id": message.parent_id,
        "model": response.model,
        "finish_reason": response.finish_reason,
        "started_at": _us(response.started_at),
        "completed_at": _us(response.completed_at),
        "status": response.status,
        "turn": place.turn,
        "response_index": place.response_index,
        "requested_us": _us(response.started_at if response.is_request_known else None),
        "headers_us": _us(metadata.headers_at),
        "first_event_us": _us(metadata.first_event_at),
        "finished_us": _us(metadata.finished_at),
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "total_tokens": usage.total_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "cache_write_tokens": usage.cache_write_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "server_prompt_ms": _number(timings.get("prompt_ms")),
        "server_decode_ms": _number(timings.get("predicted_ms")),
    }


def _add_chunks(found: Scan, response: Response) -> None:
    found.chunk_counts.append(len(response.chunks))
    columns = found.chunks
    columns.setdefault("sequence", []).extend(chunk.sequence for chunk in response.chunks)
    columns.setdefault("kind", []).extend(chunk.kind for chunk in response.chunks)
    columns.setdefault("delta", []).extend(chunk.delta for chunk in response.chunks)
    columns.setdefault("timestamp", []).extend(to_us(chunk.timestamp) for chunk in response.chunks)


def _places(context: Context) -> dict[str, Place]:
    """Return where each message of a context stands, in the order of its index."""
    roles = {entry.message_id: entry.role for entry in context.entries}
    turns = _turns(context, roles)
    responses = [entry.message_id for entry in context.entries if entry.message_type == RESPONSE_TYPE]
    index_of = {message_id: place for place, message_id in enumerate(responses)}
    listing: dict[str, list[str]] = {}
    for name, branch in context.branches.items():
        for message_id in branch.message_ids:
            listing.setdefault(message_id, []).append(name)
    return {
        message_id: Place(
            position,
            ", ".join(listing[message_id]) if message_id in listing else None,
            turns.get(message_id),
            index_of.get(message_id) if message_id in listing else None,
        )
        for position, message_id in enumerate(roles)
    }


def _turns(context: Context, roles: dict[str, str]) -> dict[str, int]:
    """Count the user messages before each message, minus one: on the active branch, else the first that lists it."""
    metadata = context.metadata
    ordered = sorted(metadata.branches.items(), key=lambda item: item[0] != metadata.active_branch_name)
    turns: dict[str, int] = {}
    for _, branch in ordered:
        n_asked = 0
        for message_id in branch.message_ids:
            turns.setdefault(message_id, n_asked - 1)
            n_asked += roles.get(message_id) == "user"
    return turns


def _number(found: Any) -> float | None:
    """Return what a server sent as a number if it is one; JSON has whole numbers that no double holds."""
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    try:
        return float(found)
    except OverflowError:
        return None


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)
