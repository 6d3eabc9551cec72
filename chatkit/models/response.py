"""A streamed response: its chunks, each with the moment it arrived, and what is known about the stream."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import BeforeValidator, Field

from chatkit.models.notebook_table import notebook_table
from chatkit.models.one_line import one_line
from chatkit.models.record import Record, Stamp, Whole, is_absent, nothing_if_null
from chatkit.models.summary import facts, summary_line
from chatkit.models.text import code_points, join
from chatkit.models.usage import Usage
from chatkit.timing import Ragged, Streams, figures, gaps, is_stall
from chatkit.timing.stamps import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

Status = Literal["complete", "streaming", "aborted", "interrupted", "error"]
_CUT_SHORT: dict[str, Status] = {"aborted": "aborted", "interrupted": "interrupted", "error": "error"}
TEXT, REASONING, TOOL_CALL = "text", "reasoning", "tool_call"
_US_PER_MS = 1000.0
_LONGEST_LINE = 200


class Piece(NamedTuple):
    """A delta as it came: the moment in µs since the epoch, the text, and its kind."""

    at_us: int
    delta: str
    kind: str = TEXT


class Chunk(Record):
    """One piece of a response as it arrived; not a token.

    Attributes:
        sequence: 1, 2, 3, …
        delta: the text as received.
        timestamp: its arrival.
        accumulated_chars: code points of answer text so far, this chunk's included.
        interval_ms: whole ms since the chunk before; None on the first.
        kind: ``text``, ``reasoning`` or ``tool_call`` (argument text).
    """

    sequence: Whole
    delta: str
    timestamp: Stamp
    accumulated_chars: int | None = Field(default=None, exclude_if=is_absent)
    interval_ms: int | None = Field(default=None, exclude_if=is_absent)
    kind: str = Field(default=TEXT, exclude_if=TEXT.__eq__)


class ResponseMetadata(Record):
    """What is known of a stream besides its chunks; every key may be absent.

    Attributes:
        started_at_is: ``request_sent``, or ``first_chunk`` where the source knows no earlier moment.
        average_chunk_interval_ms: mean of the gaps; None with fewer than two chunks.
        headers_at: the response's headers came.
        first_event_at: the first event of any kind came.
        finished_at: the event that carries the finish reason came.
        server_timings: what the server measured itself, as sent.
        consumer_ms: time for which the reader's own code held the stream up.
        raw_usage: usage as the provider sent it.
        error: what an error event said.
    """

    started_at_is: Literal["request_sent", "first_chunk"] = "request_sent"
    average_chunk_interval_ms: float | None = None
    headers_at: Stamp | None = Field(default=None, exclude_if=is_absent)
    first_event_at: Stamp | None = Field(default=None, exclude_if=is_absent)
    finished_at: Stamp | None = Field(default=None, exclude_if=is_absent)
    server_timings: dict[str, Any] | None = Field(default=None, exclude_if=is_absent)
    consumer_ms: float | None = Field(default=None, exclude_if=is_absent)
    raw_usage: dict[str, Any] | None = Field(default=None, exclude_if=is_absent)
    error: Any = Field(default=None, exclude_if=is_absent)


class Response(Record):
    """The content of a message of type ``streaming_response``.

    Attributes:
        content: the answer text: the ``text`` deltas joined.
        chunks: every piece, in order of arrival.
        started_at: the request was sent (or the first chunk came, see ``metadata.started_at_is``).
        completed_at: the stream ended; None while it streams, or where that is not known.
        total_duration_ms: whole ms from start to end.
        model: as the provider named it.
        usage: None where the provider reported none.
        finish_reason: as reported, or ``aborted``, ``interrupted``, ``error``.
    """

    content: str
    chunks: tuple[Chunk, ...] = Field(strict=False)
    started_at: Stamp
    completed_at: Stamp | None = None
    total_duration_ms: int | None = None
    model: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    metadata: Annotated[ResponseMetadata, BeforeValidator(nothing_if_null)] = ResponseMetadata()

    @classmethod
    def from_pieces(
        cls,
        pieces: Iterable[Piece],
        *,
        started_at: datetime,
        completed_at: datetime | None = None,
        metadata: ResponseMetadata | None = None,
        **known: Any,
    ) -> Response:
        """Build from deltas as they came; what follows from them is computed here.

        Empty deltas are left out: they count in nothing. ``known`` takes the fields ``model``, ``usage``
        and ``finish_reason``.

        >>> from datetime import UTC, datetime
        >>> sent = datetime(2026, 1, 1, tzinfo=UTC)
        >>> us = to_us(sent)
        >>> answer = Response.from_pieces([Piece(us + 5_000, "Hi"), Piece(us + 9_000, "!")], started_at=sent)
        >>> answer.content, answer.figures["ttft_ms"], answer.chunks[1].interval_ms
        ('Hi!', 5.0, 4)
        """
        kept = [piece for piece in pieces if piece.delta]
        metadata = metadata or ResponseMetadata()
        total_us = None if completed_at is None else to_us(completed_at) - to_us(started_at)
        return cls(
            content=join(piece.delta for piece in kept if piece.kind == TEXT),
            chunks=tuple(chunks_of(kept)),
            started_at=started_at,
            completed_at=completed_at,
            total_duration_ms=None if total_us is None else whole_ms(total_us),
            metadata=metadata.model_copy(update={"average_chunk_interval_ms": mean_gap_ms(kept)}),
            **known,
        )

    @property
    def status(self) -> Status:
        """How the stream stands: ``complete``, ``streaming``, ``aborted``, ``interrupted`` or ``error``."""
        return status_of(self.finish_reason, is_ended=self.completed_at is not None)

    @property
    def is_request_known(self) -> bool:
        """Whether ``started_at`` is the moment the request was sent, the origin of every latency."""
        return self.metadata.started_at_is == "request_sent"

    @cached_property
    def shown(self) -> tuple[Chunk, ...]:
        """The chunks that count: those whose delta is not empty."""
        return tuple(chunk for chunk in self.chunks if chunk.delta)

    @cached_property
    def arrivals_ms(self) -> NDArray[np.float64]:
        """Arrival of each of :attr:`shown`, in ms since ``started_at``."""
        start = to_us(self.started_at)
        return np.array([to_us(chunk.timestamp) - start for chunk in self.shown], dtype=np.float64) / _US_PER_MS

    @cached_property
    def stalls(self) -> NDArray[np.int64]:
        """Indices into :attr:`arrivals_ms` of the chunks that ended a stall."""
        return np.flatnonzero(is_stall(gaps(Ragged.of(self.arrivals_ms)))) + 1

    @property
    def duration_ms(self) -> float:
        """From ``started_at`` to the end of the stream, or to the last chunk where no end is known, in ms."""
        if self.completed_at is not None:
            return (to_us(self.completed_at) - to_us(self.started_at)) / _US_PER_MS
        return float(self.arrivals_ms.max(initial=0.0))

    @cached_property
    def figures(self) -> dict[str, float]:
        """Every figure of ``responses_df`` that follows from the times and the usage; NaN where unknown."""
        return {name: float(values[0]) for name, values in figures(self.streams).items()}

    @cached_property
    def streams(self) -> Streams:
        """This response as the arithmetic takes it: a ragged array of one row."""
        usage = self.usage or Usage()
        metadata = self.metadata
        kinds = [chunk.kind for chunk in self.shown]
        return Streams(
            times_us=Ragged.of([to_us(chunk.timestamp) for chunk in self.shown]),
            n_chars=np.array(code_points([chunk.delta for chunk in self.shown]), dtype=np.float64),
            is_text=np.array([kind == TEXT for kind in kinds], dtype=np.bool_),
            is_reasoning=np.array([kind == REASONING for kind in kinds], dtype=np.bool_),
            requested_us=_us_or_nan(self.started_at if self.is_request_known else None),
            headers_us=_us_or_nan(metadata.headers_at),
            first_event_us=_us_or_nan(metadata.first_event_at),
            finished_us=_us_or_nan(metadata.finished_at),
            ended_us=_us_or_nan(self.completed_at),
            completion_tokens=_number_or_nan(usage.completion_tokens),
            reasoning_tokens=_number_or_nan(usage.reasoning_tokens),
            is_complete=np.array([self.status == "complete"]),
        )

    def __repr__(self) -> str:
        return f"<Response {one_line(summary_line(self), _LONGEST_LINE)}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return notebook_table("Response", [*facts(self), ("content", self.content)])


def status_of(finish_reason: str | None, *, is_ended: bool) -> Status:
    """Status of a response from its finish reason and whether its end is known."""
    cut_short = _CUT_SHORT.get(finish_reason or "")
    if cut_short:
        return cut_short
    return "complete" if finish_reason is not None or is_ended else "streaming"


def whole_ms(us: int) -> int:
    """Round µs to whole ms, half up."""
    return (us + 500) // 1000


def chunks_of(pieces: Iterable[Piece]) -> Iterator[Chunk]:
    """Number the pieces and add what each chunk says of those before it."""
    before_us: int | None = None
    before, chars = "", 0
    for sequence, piece in enumerate(pieces, start=1):
        if piece.kind == TEXT and piece.delta:
            is_whole = piece.delta.isascii()  # no second half of a character: nearly all are so
            chars += len(piece.delta) if is_whole else code_points([before[-1:], piece.delta])[1]
            before = piece.delta
        yield Chunk(
            sequence=sequence,
            delta=piece.delta,
            timestamp=from_us(piece.at_us),
            accumulated_chars=chars,
            interval_ms=None if before_us is None else whole_ms(piece.at_us - before_us),
            kind=piece.kind,
        )
        before_us = piece.at_us


def mean_gap_ms(pieces: Sequence[Piece]) -> float | None:
    """Return the mean of the gaps; None with fewer than two chunks. Empty deltas count in nothing."""
    pieces = [piece for piece in pieces if piece.delta]
    return mean_gap_between(pieces[0].at_us, pieces[-1].at_us, len(pieces)) if pieces else None


def mean_gap_between(first_us: int, last_us: int, n_chunks: int) -> float | None:
    """Return the mean of the gaps, in ms, of so many chunks between two moments."""
    return (last_us - first_us) / _US_PER_MS / (n_chunks - 1) if n_chunks > 1 else None


def _us_or_nan(moment: datetime | None) -> NDArray[np.float64]:
    return np.array([np.nan if moment is None else to_us(moment)], dtype=np.float64)


def _number_or_nan(number: int | None) -> NDArray[np.float64]:
    return np.array([np.nan if number is None else number], dtype=np.float64)
