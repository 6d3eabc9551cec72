"""The message of a response of which nothing has come yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from chatkit.models import Message, Response


def begun_response(
    *,
    message_id: str | None = None,
    started_at: datetime | None = None,
    model: str | None = None,
    role: str = "assistant",
    parent_id: str | None = None,
    branch: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Message:
    """Return the message of a response of which nothing has come yet."""
    started_at = started_at or datetime.now(UTC)
    return Message.from_response(
        Response(content="", chunks=(), started_at=started_at, model=model),
        message_id=message_id or str(uuid4()),
        role=role,
        parent_id=parent_id,
        branch=branch,
        metadata=metadata or {},
    )
