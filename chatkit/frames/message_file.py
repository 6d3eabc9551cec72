"""A message file as msgspec reads it: the fast lane beside the models.

What these structs take, the models take too, and say the same of it. Everything else (another type, halves of
characters, ``200.0`` for 200, keys under their Python names) goes to the models, file by file: they decide, and name
what is wrong. So the structs may refuse too much, never too little.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from chatkit.models import Message
from chatkit.models.message import RESPONSE_TYPE, SCHEMA_VERSION, TEXT_TYPE
from chatkit.models.response import TEXT
from chatkit.store.ids import is_id
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from datetime import datetime

    from chatkit.models import Response

Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
NOTHING = Raw(b"")
"""A raw value that was not there."""


class AnyObject(Struct, gc=False):
    """An object whose keys nobody asks for."""


class TextFile(Struct, gc=False):
    """``text``."""

    content: str


class ChunkFile(Struct, gc=False):
    """One of ``streaming_response.chunks``."""

    sequence: Whole
    delta: str
    timestamp: str
    accumulated_chars: int | None = None
    interval_ms: int | None = None
    kind: str = TEXT


class UsageFile(Struct, gc=False):
    """``streaming_response.usage``."""

    prompt_tokens: Whole | None = None
    completion_tokens: Whole | None = None
    total_tokens: Whole | None = None
    cached_tokens: Whole | None = None
    cache_write_tokens: Whole | None = None
    reasoning_tokens: Whole | None = None


class TimingsFile(Struct, gc=False):
    """``server_timings``: whatever a server sent."""

    prompt_ms: Any = None
    predicted_ms: Any = None


class ResponseMetadataFile(Struct, gc=False):
    """``streaming_response.metadata``."""

    started_at_is: Literal["request_sent", "first_chunk"] = "request_sent"
    average_chunk_interval_ms: float | None = None
    headers_at: str | None = None
    first_event_at: str | None = None
    finished_at: str | None = None
    server_timings: TimingsFile | None = None
    consumer_ms: float | None = None
    raw_usage: AnyObject | None = None


class ResponseFile(Struct, gc=False):
    """``streaming_response``."""

    content: str
    chunks: Raw
    started_at: str
    completed_at: str | None = None
    total_duration_ms: int | None = None
    model: str | None = None
    usage: UsageFile | None = None
    finish_reason: str | None = None
    metadata: ResponseMetadataFile | None = None


class MessageFile(Struct, gc=False):
    """A message file."""

    message_id: str
    role: str
    message_type: str
    schema: int = SCHEMA_VERSION
    schema_version: Raw = NOTHING
    context_id: str | None = None
    parent_id: str | None = None
    position: Whole | None = None
    branch: str | None = None
    created_at: str | None = None
    text: TextFile | None = None
    streaming_response: ResponseFile | None = None
    metadata: Raw = NOTHING


_decode = msgspec.json.Decoder(MessageFile).decode
_NO_PAYLOAD = {"schema", "cls", "_fields_set", *Message.model_fields}
"""Message types whose key means something else, in the file or to whoever makes a model of it."""
_CHUNKS, _STARTED = b'"chunks":', b'"started_at"'
_ELSEWHERE = b'"%s"' % secrets.token_hex(16).encode()
"""Stands for the chunks where they were taken out; no file has it."""
_STEP = 256
_SAMPLES = re.compile(rb"[0-9]{16}")


def message_file(data: bytes, context_id: str, message_id: str) -> tuple[MessageFile, str] | None:
    """Read a message file, and its text; None for what the models have to decide.

    Args:
        data: the file's bytes.
        context_id: the folder's name.
        message_id: the file's name.
    """
    found = _parted(data) or _whole(data)
    if found is None or not (
        found.message_id == message_id
        and (found.context_id == context_id or _is_id(found.context_id))
        and _is_id(found.parent_id)
        and found.schema <= SCHEMA_VERSION
        and not bytes(found.schema_version)
        and bytes(found.metadata)[:1] in b"{n"  # an object, null, or nothing
    ):
        return None
    content = _content(found, data)
    return None if content is None else (found, content)


def is_plain(data: bytes) -> bool:
    """Whether the parts of a file that msgspec skips are as good as those it reads: UTF-8, no endless numbers."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
    # Python refuses numbers of more than 4300 digits; such a one has 16 of these samples in it, other text has not.
    return not _SAMPLES.search(data[::_STEP])


def file_of(message: Message) -> MessageFile:
    """Write a message as its file would be read; what no table asks for is left out, and so are its chunks."""
    response = message.streaming_response
    return MessageFile(
        message_id=message.message_id,
        role=message.role,
        message_type=message.message_type,
        parent_id=message.parent_id,
        created_at=_stamp(message.created_at),
        streaming_response=None if response is None else _response_file(response),
        metadata=Raw(json.dumps(message.metadata).encode()) if message.metadata else NOTHING,
    )


def chunks_of(message: Message) -> list[ChunkFile] | None:
    """Return the chunks of a message, as its file has them; None if it is no response."""
    if message.streaming_response is None:
        return None
    return [
        ChunkFile(chunk.sequence, chunk.delta, format_stamp(chunk.timestamp), kind=chunk.kind)
        for chunk in message.streaming_response.chunks
    ]


def labels_of(metadata: str | None) -> dict[str, Any]:
    """Return a message's own metadata, as the models have it."""
    return dict(json.loads(metadata) or {}) if metadata else {}


def _parted(data: bytes) -> MessageFile | None:
    """Read a file without its array of chunks, which is cut out at a guess; None if that can't be right.

    If the rest is JSON in which the mark stands for the chunks of the response, and what was cut out is a JSON array,
    then the file was JSON and said the same. Whoever reads the chunks finds out.
    """
    start = data.find(_CHUNKS)
    start = data.find(b"[", start) if start >= 0 else len(data)
    end = data.rfind(b"]", start, max(data.rfind(_STARTED), 0)) + 1
    found = _whole(data[:start] + _ELSEWHERE + data[end:]) if end else None
    response = None if found is None else found.streaming_response
    if response is None or bytes(response.chunks) != _ELSEWHERE:
        return None
    response.chunks = Raw(memoryview(data)[start:end])
    return found


def _whole(data: bytes) -> MessageFile | None:
    try:
        return _decode(data) if is_plain(data) else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _content(found: MessageFile, data: bytes) -> str | None:
    text, response = found.text, found.streaming_response
    if text is not None:
        return text.content if response is None and found.message_type == TEXT_TYPE else None
    if response is not None:
        is_usual = found.message_type == RESPONSE_TYPE and bytes(response.chunks)[:1] == b"["
        return response.content if is_usual else None
    return _other_content(found.message_type, data)


def _other_content(message_type: str, data: bytes) -> str | None:
    """Return the text of a message of another type, as the models have it."""
    if message_type in _NO_PAYLOAD:
        return None
    try:
        payload = json.loads(data).get(message_type)
        return Message.model_construct(message_type=message_type, **{message_type: payload}).content
    except (ValueError, RecursionError):
        return None


def _is_id(text: str | None) -> bool:
    return text is None or is_id(text)


def _response_file(response: Response) -> ResponseFile:
    usage, metadata = response.usage, response.metadata
    timings = metadata.server_timings
    return ResponseFile(
        content="",
        chunks=NOTHING,
        started_at=format_stamp(response.started_at),
        completed_at=_stamp(response.completed_at),
        model=response.model,
        usage=None if usage is None else UsageFile(*(getattr(usage, name) for name in UsageFile.__struct_fields__)),
        finish_reason=response.finish_reason,
        metadata=ResponseMetadataFile(
            started_at_is=metadata.started_at_is,
            headers_at=_stamp(metadata.headers_at),
            first_event_at=_stamp(metadata.first_event_at),
            finished_at=_stamp(metadata.finished_at),
            server_timings=TimingsFile(timings.get("prompt_ms"), timings.get("predicted_ms")) if timings else None,
        ),
    )


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else format_stamp(moment)
