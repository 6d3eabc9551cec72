"""The old formats' nodes and contexts, turned into models.

Both old formats write a message as ``{"id", "message": {...}, "parent_id"}``. What they never recorded stays
unknown: the request's time (unless ``request_sent_at`` says it), usage, a user message's own time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chatkit.errors import CorruptFileError
from chatkit.models import Chunk, ContextMetadata, Index, IndexEntry, Message, Piece
from chatkit.models.message import RESPONSE_TYPE, TEXT_TYPE
from chatkit.models.response import chunks_of, mean_gap_ms, whole_ms
from chatkit.store.known import missing
from chatkit.timing.stamps import parse_stamp, to_us

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from chatkit.store.problems import Problems

Place = tuple[int | None, str | None]
"""Position of a message in the index, and its branch; None where no branch lists it."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SPELLED = re.compile(r"(?<![a-z0-9])[a-z](?:_[a-z])+(?![a-z0-9])")
STREAMING_KEYS = {
    "chunks_count", "started_at", "completed_at", "total_duration_ms", "average_chunk_interval_ms", "request_sent_at",
}  # fmt: skip
"""What a node's ``metadata.streaming`` says that the response says better."""
_CHUNK_KEYS = frozenset(Chunk.model_fields)
_NODE_KEYS = {"role", "content", "message_type", "metadata", "rich_type"}


def plain_name(name: str) -> str:
    """Return a name in snake case, its acronyms put together again.

    >>> plain_name("AwaitingToolApproval"), plain_name("streaming_l_l_m_response"), plain_name("a_i_generated")
    ('awaiting_tool_approval', 'streaming_llm_response', 'ai_generated')
    """
    snake = _CAMEL.sub("_", name).lower()
    return _SPELLED.sub(lambda letters: letters[0].replace("_", ""), snake)


def context_metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``metadata.json`` would hold for an old context; keys we do not know come along."""
    kept = {key: value for key, value in content.items() if key not in {"id", "message_pool"}}
    return kept | {"context_id": content["id"], "current_state": _state(content.get("current_state", "idle"))}


def read_message(node: Any, message_id: str, context_id: str, place: Place, path: Path) -> Message:
    """Return a node as a message at its place.

    Raises:
        CorruptFileError: it does not say what it should.
    """
    try:
        if node["id"] != message_id:
            raise ValueError(f"id is {node['id']}")
        return _message(node, context_id, place)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([message_id, *map(str, first["loc"])])
        raise CorruptFileError(str(path), where, first["msg"]) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise CorruptFileError(str(path), message_id, reason) from error


def parents(pool: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the parent of each node; None where it has none or says nothing readable."""
    return {message_id: node.get("parent_id") if isinstance(node, dict) else None for message_id, node in pool.items()}


def note_missing(metadata: ContextMetadata, pool: Collection[str], path: Path, problems: Problems) -> None:
    """Note ids that a branch lists and the pool lacks."""
    for name, message_id in missing(metadata, pool):
        reason = f"lists {message_id}, of which there is no message"
        problems.add(CorruptFileError(str(path), f"branches.{name}", reason), metadata.context_id, message_id)


def _message(node: Mapping[str, Any], context_id: str, place: Place) -> Message:
    said = node["message"]
    known = dict(said.get("metadata") or {})
    streaming = known.pop("streaming", None) or {}
    created_at = known.pop("created_at", None)
    if isinstance(known.get("source"), str):
        known["source"] = plain_name(known["source"])
    message_type, payload = _payload(said, streaming)
    extras = {key: value for key, value in said.items() if key not in _NODE_KEYS and value is not None}
    return Message.model_validate(
        {
            **extras,
            "message_id": node["id"],
            "context_id": context_id,
            "parent_id": node.get("parent_id"),
            "position": place[0],
            "branch": place[1],
            "role": said["role"].lower(),
            "message_type": message_type,
            "created_at": created_at,
            "metadata": known,
            message_type: payload,
        }
    )


def index_entry(found: Message) -> IndexEntry:
    """Return the reference to an old message; it has no file of its own, so no size."""
    response = found.streaming_response
    return IndexEntry(
        message_id=found.message_id,
        role=found.role,
        message_type=found.message_type,
        created_at=found.created_at,
        parent_id=found.parent_id,
        chunks=None if response is None else len(response.chunks),
        streaming=True if response is not None and response.status == "streaming" else None,
    )


def places(metadata: ContextMetadata, pool: Mapping[str, str | None]) -> dict[str, Place]:
    """Return position and branch of every message of a pool ``{message_id: parent_id}``.

    The order is that of the branches, the active one first; what no branch lists follows, parents before
    children. An id that a branch lists and the pool lacks has no position.
    """
    branches = sorted(metadata.branches.items(), key=lambda item: item[0] != metadata.active_branch_name)
    listed = {message_id: name for name, branch in reversed(branches) for message_id in branch.message_ids}
    order = dict.fromkeys(message_id for _, branch in branches for message_id in branch.message_ids)
    depths = _depths(pool)
    order |= dict.fromkeys(sorted(pool, key=lambda message_id: (depths[message_id], message_id)))
    here = [message_id for message_id in order if message_id in pool]
    return {message_id: (position, listed.get(message_id)) for position, message_id in enumerate(here)}


def index(order: Mapping[str, Place], found: Mapping[str, Message]) -> Index:
    """Return the references in order, of those messages that could be read."""
    return Index(messages=tuple(index_entry(found[message_id]) for message_id in order if message_id in found))


def _depths(pool: Mapping[str, str | None]) -> dict[str, int]:
    """Count the ancestors of each message; each is walked over once, and parents in a circle end the walk."""
    depths: dict[str, int] = {}
    for message_id in pool:
        walked: dict[str, None] = {}
        above: str | None = message_id
        while above is not None and above in pool and above not in depths and above not in walked:
            walked[above] = None
            above = pool[above]
        depth = depths.get(above or "", -1)
        for below in reversed(walked):
            depths[below] = depth = depth + 1
    return depths


def _state(state: Any) -> Any:
    if isinstance(state, str):
        return plain_name(state)
    return {plain_name(key): value for key, value in state.items()} if isinstance(state, dict) else state


def _payload(said: Mapping[str, Any], streaming: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the message's type and what stands under the key of that name."""
    rich = said.get("rich_type") or {}
    if rich.get("kind") == RESPONSE_TYPE:
        return RESPONSE_TYPE, _response(rich["data"], streaming)
    parts = said.get("content") or []
    text = "".join(part["text"] for part in parts if part.get("type") == "text")
    message_type = said.get("message_type") or _type_of(parts)
    if message_type == TEXT_TYPE:
        return TEXT_TYPE, {"content": text} | _other_parts(parts)
    own = said.get(message_type)
    return message_type, {"content": text} | (own if isinstance(own, dict) else {}) | _other_parts(parts)


def _type_of(parts: list[dict[str, Any]]) -> str:
    kinds = {part.get("type") for part in parts}
    return "image" if kinds == {"image"} else TEXT_TYPE


def _other_parts(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep parts that are no text, so that nothing of the message is lost."""
    others = [part for part in parts if part.get("type") != "text"]
    return {"parts": others} if others else {}


def _response(data: Mapping[str, Any], streaming: Mapping[str, Any]) -> dict[str, Any]:
    """Return an old response's data with its counts and durations computed anew from its times."""
    pieces = [
        Piece(to_us(parse_stamp(chunk["timestamp"])), chunk["delta"], chunk.get("kind", "text"))
        for chunk in data["chunks"]
    ]
    sent_at = streaming.get("request_sent_at")
    started_at = parse_stamp(sent_at or data["started_at"])
    completed_at = parse_stamp(data["completed_at"]) if data.get("completed_at") else None
    total_us = None if completed_at is None else to_us(completed_at) - to_us(started_at)
    told = {key: value for key, value in streaming.items() if key not in STREAMING_KEYS}
    return dict(data) | {
        "chunks": [_chunk(new, old) for new, old in zip(chunks_of(pieces), data["chunks"], strict=True)],
        "started_at": started_at,
        "completed_at": completed_at,
        "total_duration_ms": None if total_us is None else whole_ms(total_us),
        "metadata": {
            **(data.get("metadata") or {}),
            **told,
            "started_at_is": "request_sent" if sent_at else "first_chunk",
            "average_chunk_interval_ms": mean_gap_ms(pieces),
        },
    }


def _chunk(new: Chunk, old: Mapping[str, Any]) -> Chunk:
    """Return a chunk with its counts made anew, and the keys of the old one that we do not know."""
    unknown = old.keys() - _CHUNK_KEYS
    return new.model_copy(update={key: old[key] for key in unknown}) if unknown else new
