"""Putting a response together from the events of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chatkit.capture.anthropic import ANTHROPIC_MESSAGES
from chatkit.capture.gemini import GEMINI
from chatkit.capture.openai_chat import OPENAI_CHAT
from chatkit.capture.openai_responses import OPENAI_RESPONSES
from chatkit.capture.reading import Delta, Reading
from chatkit.capture.request import as_json
from chatkit.capture.wire import PlainText
from chatkit.models import Piece, Response, ResponseMetadata
from chatkit.models.ending import Ending
from chatkit.models.response import TEXT
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chatkit.capture.reading import EventShape, Json
    from chatkit.models import Usage

SHAPES = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI)


class Assembly:
    """Collects what the events of one stream say, and makes a response of each of its choices.

    Args:
        started_us: the request was sent, µs since the epoch.
        model: the model asked for; what the stream says of itself counts more.
        keeps_pieces: whether :meth:`responses` will be asked for; what came is not in memory otherwise.

    Attributes:
        first_event_us: the first event came; None before it.
        headers_us: the response's headers came; None where that was not noted.
        n_unknown: events of unknown shape, which were skipped.
    """

    def __init__(self, started_us: int, *, model: str | None = None, keeps_pieces: bool = True) -> None:
        self.started_us = started_us
        self.model = model
        self.n_unknown = 0
        self.headers_us: int | None = None
        self.first_event_us: int | None = None
        self._shape: EventShape | None = None
        self._keeps_pieces = keeps_pieces
        self._pieces: dict[int, list[Piece]] = {}
        self._finished: dict[int, tuple[int, str]] = {}
        self._raw_usage: dict[str, Any] = {}
        self._server_timings: Mapping[str, Any] | None = None
        self._error: Any = None

    @property
    def is_finished(self) -> bool:
        """Whether the stream said how it ended: a finish reason for each choice, or an error."""
        return self._error is not None or (bool(self._finished) and self._finished.keys() >= self._pieces.keys())

    @property
    def choices(self) -> list[int]:
        """Indices of the choices of which something came, at least one."""
        return sorted(self._pieces.keys() | self._finished.keys()) or [0]

    def note_headers(self, at_us: int) -> None:
        """Note when the response's headers came."""
        self.headers_us = at_us

    def note_error(self, error: Any) -> None:
        """Note what broke the stream; what the stream itself said of it counts more."""
        self._error = self._error or error

    def take(self, at_us: int, event: Any) -> tuple[Delta, ...]:
        """Take in the next event: parsed JSON, or a piece of bare text. One of unknown shape is counted, and skipped.

        Returns:
            Its pieces of output; none of them is empty.
        """
        if self.first_event_us is None:
            self.first_event_us = at_us
        reading = self._read(event)
        if reading is None:
            self.n_unknown += 1
            return ()
        deltas = tuple(delta for delta in reading.deltas if delta.text)
        for choice, kind, text in deltas:
            pieces = self._pieces.setdefault(choice, [])
            if self._keeps_pieces:
                pieces.append(Piece(at_us, text, kind))
        for choice, reason in reading.finished.items():
            self._finished[choice] = (at_us, reason)
        self.model = reading.model or self.model
        if reading.raw_usage:
            self._raw_usage |= {key: value for key, value in reading.raw_usage.items() if value is not None}
        self._server_timings = reading.server_timings or self._server_timings
        self._error = self._error or reading.error
        return deltas

    def responses(self, ended_us: int | None, *, finish_reason: str | None = None) -> dict[int, Response]:
        """Return the response of each choice by its index, at least one; takes what :meth:`ending` takes."""
        return {
            choice: Response.from_pieces(
                self._pieces.get(choice, []),
                started_at=from_us(self.started_us),
                **self.ending(choice, ended_us, finish_reason=finish_reason)._asdict(),
            )
            for choice in self.choices
        }

    def ending(self, choice: int, ended_us: int | None, *, finish_reason: str | None = None) -> Ending:
        """Return what is known of a choice when its stream has ended.

        Args:
            choice: its index.
            ended_us: the stream ended; None where that is not known.
            finish_reason: for a choice that did not say how it ended (``aborted``, ``interrupted``).
        """
        unsaid = "error" if self._error is not None else finish_reason
        finished_us, reason = self._finished.get(choice, (None, unsaid))
        is_only = len(self.choices) == 1
        told = self._told()
        usage = self._usage(told["raw_usage"]) if is_only else None
        metadata = ResponseMetadata(
            headers_at=_moment(self.headers_us),
            first_event_at=_moment(self.first_event_us),
            finished_at=_moment(finished_us),
            **told,
        )
        return Ending(_moment(ended_us), self.model, usage, reason, metadata)

    def _told(self) -> dict[str, Any]:
        """Return what the stream said of itself in words of its own, as a store's file can hold it."""
        said = {"server_timings": self._server_timings, "raw_usage": self._raw_usage or None, "error": self._error}
        return as_json(said)

    def _usage(self, raw: Json | None) -> Usage | None:
        """Return usage in the one schema; None where a count is more than any table holds: the raw usage has it."""
        try:
            return self._shape.usage(raw) if self._shape and raw else None
        except ValidationError:
            return None

    def _read(self, event: Any) -> Reading | None:
        if not isinstance(event, dict):
            return Reading(deltas=(Delta(0, TEXT, str(event)),)) if isinstance(event, PlainText) else None
        if self._shape is None or not self._shape.recognises(event):
            self._shape = next((shape for shape in SHAPES if shape.recognises(event)), self._shape)
        return self._shape.read(event) if self._shape else None


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
