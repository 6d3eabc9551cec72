"""Putting a response together from the events of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.capture.anthropic import ANTHROPIC_MESSAGES
from chatkit.capture.openai_chat import OPENAI_CHAT
from chatkit.capture.openai_responses import OPENAI_RESPONSES
from chatkit.models import Piece, Response, ResponseMetadata
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chatkit.capture.reading import EventShape, Reading

SHAPES = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES)


class Assembly:
    """Collects what the events of one stream say, and makes a response of each of its choices.

    Args:
        started_us: the request was sent, µs since the epoch.
        model: the model asked for; what the stream says of itself counts more.
    """

    def __init__(self, started_us: int, *, model: str | None = None) -> None:
        self.started_us = started_us
        self.model = model
        self.n_unknown = 0
        self._shape: EventShape | None = None
        self._headers_us: int | None = None
        self._first_event_us: int | None = None
        self._pieces: dict[int, list[Piece]] = {}
        self._finished: dict[int, tuple[int, str]] = {}
        self._raw_usage: dict[str, Any] = {}
        self._server_timings: Mapping[str, Any] | None = None
        self._error: Any = None

    @property
    def is_finished(self) -> bool:
        """Whether the stream said how it ended: a finish reason for each choice, or an error."""
        return self._error is not None or (bool(self._finished) and self._finished.keys() >= self._pieces.keys())

    def note_headers(self, at_us: int) -> None:
        """Note when the response's headers came."""
        self._headers_us = at_us

    def take(self, at_us: int, event: Any) -> None:
        """Take in the next event: parsed JSON, and when it came. One of unknown shape is counted, and skipped."""
        if self._first_event_us is None:
            self._first_event_us = at_us
        reading = self._read(event)
        if reading is None:
            self.n_unknown += 1
            return
        for choice, kind, text in reading.deltas:
            if text:
                self._pieces.setdefault(choice, []).append(Piece(at_us, text, kind))
        for choice, reason in reading.finished.items():
            self._finished[choice] = (at_us, reason)
        self.model = reading.model or self.model
        self._raw_usage |= {key: value for key, value in (reading.raw_usage or {}).items() if value is not None}
        self._server_timings = reading.server_timings or self._server_timings
        self._error = self._error or reading.error

    def responses(self, ended_us: int | None, *, finish_reason: str | None = None) -> dict[int, Response]:
        """Return the response of each choice by its index, at least one.

        Args:
            ended_us: the stream ended; None where that is not known.
            finish_reason: for choices that did not say how they ended (``aborted``, ``interrupted``).
        """
        choices = sorted(self._pieces.keys() | self._finished.keys()) or [0]
        is_only = len(choices) == 1
        return {choice: self._response(choice, ended_us, finish_reason, is_only=is_only) for choice in choices}

    def _read(self, event: Any) -> Reading | None:
        if not isinstance(event, dict):
            return None
        if self._shape is None or not self._shape.recognises(event):
            self._shape = next((shape for shape in SHAPES if shape.recognises(event)), self._shape)
        return self._shape.read(event) if self._shape else None

    def _response(self, choice: int, ended_us: int | None, finish_reason: str | None, *, is_only: bool) -> Response:
        finished_us, reason = self._finished.get(choice, (None, "error" if self._error is not None else finish_reason))
        usage = self._shape.usage(self._raw_usage) if self._shape and self._raw_usage and is_only else None
        return Response.from_pieces(
            self._pieces.get(choice, []),
            started_at=from_us(self.started_us),
            completed_at=_moment(ended_us),
            model=self.model,
            usage=usage,
            finish_reason=reason,
            metadata=ResponseMetadata(
                headers_at=_moment(self._headers_us),
                first_event_at=_moment(self._first_event_us),
                finished_at=_moment(finished_us),
                server_timings=dict(self._server_timings) if self._server_timings else None,
                raw_usage=dict(self._raw_usage) or None,
                error=self._error,
            ),
        )


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
