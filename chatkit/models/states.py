"""The states of a context, and which follows from a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from datetime import datetime

    from chatkit.models.context import State
    from chatkit.models.response import Response

IDLE = "idle"
AWAITING = "awaiting_llm_response"
STREAMING = "streaming_llm_response"
_FAILURES = {"aborted", "error", "interrupted"}


def state_after(response: Response, last: datetime | None = None) -> State:
    """Return the state of a context whose last response this is: idle, or failed and when.

    Args:
        response: it.
        last: its last chunk came, where its chunks are not in memory.
    """
    if response.status not in _FAILURES:
        return IDLE
    if response.chunks:
        last = response.chunks[-1].timestamp
    failed_at = format_stamp(response.completed_at or last or response.started_at)
    return {"failed": {"error_message": _what_failed(response), "failed_at": failed_at}}


def _what_failed(response: Response) -> str:
    error = response.metadata.error
    said = error.get("message") if isinstance(error, dict) else error
    return f"{response.status}: {said}" if isinstance(said, str) and said else response.status
