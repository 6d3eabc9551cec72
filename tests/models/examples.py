"""Message files as a reader meets them, with a key that nobody knows at every level."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from chatkit.models import Message, Piece, Response, ResponseMetadata
from chatkit.timing.stamps import to_us

MESSAGE_ID = "7b1c3f5e-0000-4000-8000-00000000000a"
CONTEXT_ID = "0c0e3f5e-0000-4000-8000-00000000000b"
SENT = datetime(2026, 11, 23, 9, 1, 52, 566341, tzinfo=UTC)

_RESPONSE_FILE: dict[str, Any] = {
    "schema": 1,
    "message_id": MESSAGE_ID,
    "context_id": CONTEXT_ID,
    "parent_id": None,
    "position": 3,
    "branch": "main",
    "role": "assistant",
    "message_type": "streaming_response",
    "created_at": "2026-11-23T09:01:52.566341Z",
    "later": {"in": ["a message"]},
    "streaming_response": {
        "content": " Chloroplast",
        "later": "in a response",
        "chunks": [
            {
                "sequence": 1, "delta": " Chlor", "timestamp": "2026-11-23T09:01:52.974355Z",
                "accumulated_chars": 6, "later": {"in": "a chunk"},
            },
            {
                "sequence": 2, "delta": "oplast", "timestamp": "2026-11-23T09:01:52.987469Z",
                "accumulated_chars": 12, "interval_ms": 13,
            },
        ],
        "started_at": "2026-11-23T09:01:52.566341Z",
        "completed_at": "2026-11-23T09:01:54.004180Z",
        "total_duration_ms": 1438,
        "model": "gemma-3-270m-q4",
        "usage": {
            "prompt_tokens": 257, "completion_tokens": 80, "total_tokens": 337, "cached_tokens": 37,
            "later": 5,
        },
        "finish_reason": "length",
        "metadata": {
            "started_at_is": "request_sent", "average_chunk_interval_ms": 13.114,
            "headers_at": "2026-11-23T09:01:52.600000Z", "later": [1, None, 2.5],
        },
    },
    "metadata": {"scenario": "chat", "nested": {"kept": True}},
}  # fmt: skip


def response_file() -> dict[str, Any]:
    """The content of the file of a response."""
    return deepcopy(_RESPONSE_FILE)


def answer(*pieces: tuple[float, str] | tuple[float, str, str], end_ms: float | None = None, **known: Any) -> Response:
    """A response whose pieces came at these ms after the request."""
    sent_us = to_us(SENT)
    end = None if end_ms is None else datetime.fromtimestamp((sent_us + round(end_ms * 1000)) / 1e6, UTC)
    return Response.from_pieces(
        [Piece(sent_us + round(ms * 1000), *said) for ms, *said in pieces], started_at=SENT, completed_at=end, **known
    )


def first_chunk_answer(*pieces: tuple[float, str]) -> Response:
    """A response of which no moment before its first chunk is known."""
    return answer(*pieces, metadata=ResponseMetadata(started_at_is="first_chunk"))


def message_of(response: Response, **known: Any) -> Message:
    """A message that holds it."""
    return Message.from_response(response, message_id=MESSAGE_ID, context_id=CONTEXT_ID, **known)
