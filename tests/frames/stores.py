"""A store of two contexts for the tables: known times, two models, labels on some messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chatkit.models import Message, Piece, Response, ResponseMetadata, Usage
from chatkit.store import Store
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_DTYPES = ("message_id", "context_id")
MADE_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
FIRST, SECOND = "0c0e3f5e-0000-4000-8000-000000000001", "ac0e3f5e-0000-4000-8000-000000000002"


def message_id(number: int) -> str:
    """The id of the message of this number."""
    return f"{number:08x}-0000-4000-8000-00000000000a"


def question(number: int) -> Message:
    """A question, asked ``number`` minutes after nine."""
    return Message.from_text(
        "why?", message_id=message_id(number), created_at=MADE_AT + timedelta(minutes=number), metadata={"asked": True}
    )


def answer(
    number: int,
    *pieces: tuple[float, str] | tuple[float, str, str],
    model: str | None = "fast",
    labels: dict[str, object] | None = None,
    metadata: ResponseMetadata | None = None,
    usage: Usage | None = None,
) -> Message:
    """An answer, its request sent ``number`` minutes after nine, its pieces at these ms after that."""
    sent = MADE_AT + timedelta(minutes=number)
    response = Response.from_pieces(
        [Piece(to_us(sent) + round(ms * 1000), *said) for ms, *said in pieces],
        started_at=sent,
        completed_at=sent + timedelta(seconds=2),
        model=model,
        finish_reason="stop",
        metadata=metadata,
        usage=usage,
    )
    return Message.from_response(response, message_id=message_id(number), metadata=labels or {})


def filled(path: Path) -> Store:
    """Two contexts: three turns with a fast model, and later one with a slow model."""
    store = Store.create(path)
    second = store.create_context(title="Later", context_id=SECOND, created_at=MADE_AT + timedelta(hours=1))
    first = store.create_context(title="Earlier", context_id=FIRST, created_at=MADE_AT)
    usage = Usage(prompt_tokens=100, completion_tokens=5, total_tokens=105)
    first.append_messages(
        [
            question(0),
            answer(1, (100, "a"), (110, "b"), (120, "c"), usage=usage, labels={"scenario": "idle", "n": 1}),
            question(2),
            answer(3, (200, "thin", "reasoning"), (300, "d"), usage=usage),
            question(4),
            answer(5, (600, "e"), labels={"scenario": "busy", "n": 2}),
        ]
    )
    second.append_messages([question(60), answer(61, (1000, "f"), (1500, "g"), model="slow")])
    return store
