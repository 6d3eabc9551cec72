"""A node of the old formats as msgspec reads it: the fast lane beside :mod:`chatkit.store.nodes`.

As in :mod:`chatkit.frames.message_file`: what this lane takes, the models take too, and say the same of it. Text and
streamed responses, nearly all there is, go this way; whatever else goes to the models.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from chatkit.frames.message_file import NOTHING, MessageFile, ResponseFile, ResponseMetadataFile, UsageFile
from chatkit.models.message import RESPONSE_TYPE, TEXT_TYPE
from chatkit.store.ids import is_id
from chatkit.store.nodes import STREAMING_KEYS, plain_name

_NO_OBJECT = {b"", b"null", b"{}"}


class PartFile(Struct, gc=False):
    """One of ``content``."""

    type: str
    text: str


class DataFile(Struct, gc=False):
    """``rich_type.data``."""

    content: str
    chunks: Raw
    started_at: str
    completed_at: str | None = None
    model: str | None = None
    usage: UsageFile | None = None
    finish_reason: str | None = None
    metadata: Raw = NOTHING


class RichFile(Struct, gc=False):
    """``rich_type``."""

    kind: Literal["streaming_response"]
    data: DataFile


class SaidFile(Struct, gc=False, forbid_unknown_fields=True):
    """``message``."""

    role: str
    content: list[PartFile] | None = None
    message_type: str | None = None
    metadata: dict[str, Any] | None = None
    rich_type: RichFile | None = None
    tool_calls: None = None
    tool_result: None = None


class NodeFile(Struct, gc=False):
    """A node."""

    id: str
    message: SaidFile
    parent_id: str | None = None


_decode = msgspec.json.Decoder(NodeFile).decode


def old_message(data: bytes | Raw, message_id: str) -> tuple[MessageFile, str] | None:
    """Read a node as a message file, and its text; None for what the models have to decide.

    Args:
        data: the node's bytes, which are UTF-8.
        message_id: what it is called by its pool.
    """
    try:
        node = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    said = node.message
    metadata = dict(said.metadata or {})
    streaming, created_at = metadata.pop("streaming", None) or {}, metadata.pop("created_at", None)
    if not (
        node.id == message_id
        and is_id(message_id)
        and (node.parent_id is None or is_id(node.parent_id))
        and isinstance(streaming, dict)
        and streaming.keys() <= STREAMING_KEYS
        and (created_at is None or isinstance(created_at, str))
    ):
        return None
    if isinstance(metadata.get("source"), str):
        metadata["source"] = plain_name(metadata["source"])
    content = _content(said)
    if content is None:
        return None
    found = MessageFile(
        message_id=message_id,
        role=said.role.lower(),
        message_type=TEXT_TYPE if said.rich_type is None else RESPONSE_TYPE,
        parent_id=node.parent_id,
        created_at=created_at,
        streaming_response=None if said.rich_type is None else _response(said.rich_type.data, streaming),
        metadata=Raw(json.dumps(metadata).encode()) if metadata else NOTHING,
    )
    return found, content


def _content(said: SaidFile) -> str | None:
    if said.rich_type is not None:
        return said.rich_type.data.content if bytes(said.rich_type.data.metadata) in _NO_OBJECT else None
    parts = said.content or []
    if (said.message_type or TEXT_TYPE) != TEXT_TYPE or any(part.type != "text" for part in parts):
        return None
    return "".join(part.text for part in parts)


def _response(data: DataFile, streaming: dict[str, Any]) -> ResponseFile:
    sent_at = streaming.get("request_sent_at")
    return ResponseFile(
        content="",
        chunks=data.chunks,
        started_at=sent_at or data.started_at,
        completed_at=data.completed_at or None,
        model=data.model,
        usage=data.usage,
        finish_reason=data.finish_reason,
        metadata=ResponseMetadataFile(started_at_is="request_sent" if sent_at else "first_chunk"),
    )
