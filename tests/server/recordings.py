"""Responses with known arrival times, and a clock that stands still but for its sleeps."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chatkit.models import Message, Piece, Response, ResponseMetadata, Usage
from chatkit.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SENT = datetime(2026, 1, 1, tzinfo=UTC)
SENT_US = 1_767_225_600_000_000
MISSING = "00000000-0000-4000-8000-000000000000"


class FakeClock:
    """Sleeps take no time but on this clock.

    Args:
        early_ms: by how much its timers fire too early.
    """

    def __init__(self, early_ms: float = 0.0) -> None:
        self.time_ms = 5_000.0
        self.n_turns = 0
        self._early_ms = early_ms

    def now_ms(self) -> float:
        return self.time_ms

    async def sleep_ms(self, ms: float) -> None:
        if ms == 0:
            self.n_turns += 1
            return
        # Time passes even where a float of this size can't tell, and the last bit passes in one.
        self.time_ms += max(ms - self._early_ms, ms / 2) if ms > 0.5 else max(ms, 1e-6)


def response_of(
    arrivals_ms: Sequence[float],
    end_ms: float,
    *,
    deltas: Sequence[str] | None = None,
    is_request_known: bool = True,
) -> Response:
    """Build a response whose chunks came at these times after its request."""
    words = deltas or [f"word{number} " for number in range(len(arrivals_ms))]
    started_at_is = "request_sent" if is_request_known else "first_chunk"
    return Response.from_pieces(
        [Piece(SENT_US + round(ms * 1000), word) for ms, word in zip(arrivals_ms, words, strict=True)],
        started_at=SENT,
        completed_at=SENT + timedelta(milliseconds=end_ms),
        model="a-model",
        usage=Usage(prompt_tokens=7, completion_tokens=len(words), total_tokens=7 + len(words)),
        finish_reason="stop",
        metadata=ResponseMetadata.model_validate({"started_at_is": started_at_is}),
    )


def hundred_arrivals_ms() -> list[float]:
    """Arrivals of 100 chunks: a wait of 250 ms, then gaps of 0 to 40 ms and one of 600 ms."""
    chance = random.Random(8)  # noqa: S311 - no secret
    gaps = [250.0, *(float(chance.randint(0, 40)) for _ in range(99))]
    gaps[50] = 600.0
    return [sum(gaps[: place + 1]) for place in range(100)]


def stored(folder: Path, response: Response) -> tuple[Store, Message, Message]:
    """Return a new store with one context: a question and its answer."""
    store = Store.create(folder / "store")
    context = store.create_context(title="Known times")
    question, answer = context.append_messages([Message.from_text("Well?"), Message.from_response(response)])
    return store, question, answer
