"""Message files into columns, some hundred at a time."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.arrivals import ChunkRows, chunk_times, steps_back
from chatkit.frames.chunk_arrays import UndecidedError, chunk_arrays, texts
from chatkit.frames.files import ABSENT
from chatkit.frames.moments import UTC_US, Moments, moments
from chatkit.frames.part import CHUNKS, KEY, MESSAGES, REAL, TEXTS, TOKENS, Part, Wanted, is_text
from chatkit.models.response import REASONING, TEXT, status_of
from chatkit.timing import FIGURES, Ragged, figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from chatkit.frames.chunk_arrays import Chunks
    from chatkit.frames.files import Key
    from chatkit.frames.message_file import ChunkFile, MessageFile, ResponseFile
    from chatkit.frames.part import ChunkColumn

_PREVIEW_CHARS = 60
_NO_LABELS = {b"", b"{}", b"null"}
_STAMPS = ("headers_at", "first_event_at", "finished_at")


class Entry(NamedTuple):
    """A message on its way into columns, or what is wrong with its file.

    Attributes:
        path: of its file, within the folder of contexts; "" where it has none.
        key: of its file; :data:`ABSENT` where it must not be remembered.
        file: what it says; None for a bad file.
        content: its text.
        where: the place of what is wrong.
        reason: what is wrong.
        chunks: those of a response that a model gives; otherwise its file has them.
        is_numbered: whether its chunks are numbered; else they are numbered here.
    """

    path: str
    key: Key = ABSENT
    file: MessageFile | None = None
    content: str = ""
    where: str | None = None
    reason: str | None = None
    chunks: list[ChunkFile] | None = None
    is_numbered: bool = True


def part_of(entries: Sequence[Entry], keep: Wanted) -> Part:
    """Make columns of messages.

    Args:
        entries: the messages, in the order of the rows.
        keep: which columns of messages and chunks are wanted.

    Raises:
        UndecidedError: the models have to decide about some.
    """
    at = [row for row, entry in enumerate(entries) if entry.file and entry.file.streaming_response]
    chunks = _Chunks([entries[row] for row in at], at)
    responses = [file.streaming_response for row in at if (file := entries[row].file) and file.streaming_response]
    known = pa.table(_made(_response_columns(responses, chunks, at), keep))
    rows, places, steps = (found.tolist() for found in chunks.back)
    notes = {at[row]: (place, us) for row, place, us in zip(rows, places, steps, strict=True)}
    if len(at) < len(entries):
        known = known.take(_places_of(at, len(entries)))
    columns = _made(_message_columns(entries, notes), keep) | {name: known[name] for name in known.column_names}
    columns["n_rows"] = pc.fill_null(columns["n_rows"], 0)
    unknown = {kind: pa.nulls(len(entries), kind) for kind in set(MESSAGES.types)}
    made = [columns[field.name] if field.name in columns else unknown[field.type] for field in MESSAGES]
    return Part.of(pa.table(made, schema=MESSAGES), chunks.columns(keep))


def real(found: Any) -> float | None:
    """Return what a server sent as a number if it is one."""
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    try:
        return float(found)
    except OverflowError:
        return None


def preview(content: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(content[: 4 * _PREVIEW_CHARS].split())
    return line if len(line) <= _PREVIEW_CHARS else f"{line[: _PREVIEW_CHARS - 1]}…"


class _Chunks:
    """All chunks of some responses, flat."""

    def __init__(self, entries: Sequence[Entry], at: list[int]) -> None:
        try:
            self.made = made = chunk_arrays([_chunks_of(entry) for entry in entries])
        except UndecidedError as error:
            raise UndecidedError(at[row] for row in error.rows) from None
        times = Ragged.from_counts(made.us.astype(np.float64), made.counts)
        self.sequence = made.sequence
        if not all(entry.is_numbered for entry in entries):
            self.sequence = np.arange(1, len(made.us) + 1) - np.repeat(times.bounds[:-1], made.counts)
        self.rows = ChunkRows(
            times_us=times,
            n_chars=made.n_chars,
            is_shown=np.asarray(pc.greater(pc.binary_length(made.delta), 0)),
            is_text=np.ones(len(made.us), dtype=np.bool_) if made.is_all_text else _equal(made.kind, TEXT),
            is_reasoning=np.zeros(len(made.us), dtype=np.bool_) if made.is_all_text else _equal(made.kind, REASONING),
        )
        self.back = steps_back(times)
        self.times: dict[str, NDArray[Any]] = {}

    def columns(self, keep: Wanted) -> dict[str, ChunkColumn]:
        made = self.made
        known = {"sequence": self.sequence, "kind": made.kind, "delta": made.delta, "timestamp": made.us}
        known |= self.times
        known["is_stall"] = known["is_stall"].view(np.uint8)
        wanted = {name: known[name] for name in CHUNKS if name in keep.chunks}
        return {name: pa.chunked_array([column]) if is_text(name) else column for name, column in wanted.items()}


def _made(columns: dict[str, Callable[[], pa.Array]], keep: Wanted) -> dict[str, pa.Array]:
    """Make those columns of messages that are wanted."""
    return {name: make() for name, make in columns.items() if name in keep.messages}


def _response_columns(
    responses: list[ResponseFile], chunks: _Chunks, at: list[int]
) -> dict[str, Callable[[], pa.Array]]:
    metadata = [response.metadata for response in responses]
    started, completed, headers, first_event, finished = _times_of(
        [
            [response.started_at for response in responses],
            [response.completed_at for response in responses],
            *([getattr(known, name, None) for known in metadata] for name in _STAMPS),
        ],
        at,
    )
    is_request = [known is None or known.started_at_is == "request_sent" for known in metadata]
    tokens = {name: [used.usage and getattr(used.usage, name) for used in responses] for name in TOKENS}
    status = [status_of(one.finish_reason, is_ended=one.completed_at is not None) for one in responses]
    streams = chunks.rows.streams(
        requested_us=np.where(np.array(is_request, dtype=np.bool_), started.us, np.nan),
        headers_us=_floats(headers),
        first_event_us=_floats(first_event),
        finished_us=_floats(finished),
        ended_us=_floats(completed),
        completion_tokens=np.array(tokens["completion_tokens"], dtype=np.float64),
        reasoning_tokens=np.array(tokens["reasoning_tokens"], dtype=np.float64),
        is_complete=np.array([one == "complete" for one in status], dtype=np.bool_),
    )
    chunks.times = chunk_times(chunks.rows, streams)
    timings = [known and known.server_timings for known in metadata]
    of_figures = cache(partial(figures, streams))
    return {
        "n_rows": lambda: pa.array(chunks.made.counts),
        "model": lambda: texts([response.model for response in responses]),
        "finish_reason": lambda: texts([response.finish_reason for response in responses]),
        "status": lambda: pa.array(status, TEXTS),
        "started_at": lambda: _stamps(started),
        "completed_at": lambda: _stamps(completed),
        **{name: partial(lambda one: pa.array(of_figures()[one]), name) for name in FIGURES},
        **{name: partial(pa.array, tokens[name], pa.int64()) for name in TOKENS},
        "server_prompt_ms": lambda: pa.array([known and real(known.prompt_ms) for known in timings], REAL),
        "server_decode_ms": lambda: pa.array([known and real(known.predicted_ms) for known in timings], REAL),
    }


def _message_columns(entries: Sequence[Entry], notes: dict[int, tuple[int, int]]) -> dict[str, Callable[[], pa.Array]]:
    files = [entry.file for entry in entries]
    created = _times([None if file is None else file.created_at for file in files], range(len(files)))
    wrong = [(entry.where, entry.reason) for entry in entries]
    for row, (place, us) in notes.items():
        back_ms = timedelta(microseconds=int(us)).total_seconds() * 1000
        wrong[row] = (f"streaming_response.chunks.{place}.timestamp", f"goes back by {back_ms:.3f} ms")
    return {
        "path": lambda: pa.array([entry.path for entry in entries], TEXTS),
        **{
            name: partial(lambda at: pa.array([entry.key[at] for entry in entries], pa.int64()), place)
            for place, name in enumerate(KEY)
        },
        "is_read": lambda: pa.array([file is not None for file in files], pa.bool_()),
        "where": lambda: texts([where for where, _ in wrong]),
        "reason": lambda: texts([reason for _, reason in wrong]),
        **{
            name: partial(lambda one: texts([file and getattr(file, one) for file in files]), name)
            for name in ("message_id", "parent_id", "role", "message_type")
        },
        "created_at": lambda: _stamps(created),
        "text_chars": lambda: pa.array([len(entry.content) for entry in entries], pa.int64()),
        "preview": lambda: texts([preview(entry.content) for entry in entries]),
        "labels": lambda: pa.array([_labels(file) for file in files], TEXTS),
        "is_response": lambda: pa.array([bool(file and file.streaming_response) for file in files], pa.bool_()),
    }


def _labels(file: MessageFile | None) -> str | None:
    told = b"" if file is None else bytes(file.metadata)
    return told.decode() if told not in _NO_LABELS else None


def _chunks_of(entry: Entry) -> Chunks:
    if entry.chunks is not None:
        return entry.chunks
    response = entry.file and entry.file.streaming_response
    return response.chunks if response else []


def _places_of(at: list[int], n_rows: int) -> pa.Array:
    """Return for each row of messages its row among the responses; null for the others."""
    places = np.full(n_rows, -1, dtype=np.int64)
    places[at] = np.arange(len(at))
    return pa.array(places, mask=places < 0)


def _times(stamps: Sequence[str | None], at: Sequence[int]) -> Moments:
    found = moments(stamps)
    if len(found.bad):
        raise UndecidedError(at[row] for row in found.bad.tolist())
    return found


def _times_of(columns: Sequence[Sequence[str | None]], at: Sequence[int]) -> list[Moments]:
    """Read columns of times all at once: it is the calls that take time, not the rows."""
    flat = _times(list(chain.from_iterable(columns)), [*at] * len(columns))
    cuts = range(0, len(flat.us), len(at)) if at else [0] * len(columns)
    return [Moments(flat.us[cut : cut + len(at)], flat.known[cut : cut + len(at)], flat.bad) for cut in cuts]


def _stamps(found: Moments) -> pa.Array:
    return pa.array(found.us, pa.int64(), mask=~found.known).cast(UTC_US)


def _floats(found: Moments) -> NDArray[np.float64]:
    return np.where(found.known, found.us, np.nan)


def _equal(kinds: pa.DictionaryArray, kind: str) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(kinds, pa.scalar(kind, TEXTS)), dtype=np.bool_)
