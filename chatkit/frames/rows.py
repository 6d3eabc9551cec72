"""Message files into columns, some hundred at a time."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.arrivals import ChunkRows, chunk_times, steps_back
from chatkit.frames.files import ABSENT
from chatkit.frames.message_file import ChunkFile
from chatkit.frames.moments import UTC_US, Moments, moments
from chatkit.frames.part import CHUNKS, KEY, MESSAGES, REAL, TEXTS, TOKENS, Part, is_text
from chatkit.models.response import REASONING, TEXT, status_of
from chatkit.models.text import code_points, well_formed
from chatkit.timing import Ragged, figures

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from chatkit.frames.files import Key
    from chatkit.frames.message_file import MessageFile, ResponseFile
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
    """

    path: str
    key: Key = ABSENT
    file: MessageFile | None = None
    content: str = ""
    where: str | None = None
    reason: str | None = None


class BadTimesError(Exception):
    """Some entries have a text for a time that is none: the models decide about them."""

    def __init__(self, rows: Iterable[int]) -> None:
        self.rows = sorted(set(rows))
        super().__init__(f"entries {self.rows}")


class Batch:
    """Messages on their way into a part. Chunks are taken apart at once, while they are in the processor's cache."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.responses: list[ResponseFile] = []
        self.at: list[int] = []
        self.counts: list[int] = []
        self.sequence: list[int] = []
        self.delta: list[str] = []
        self.stamp: list[str] = []
        self.kind: list[str] = []

    def add(self, entry: Entry) -> None:
        """Add a message."""
        response = entry.file and entry.file.streaming_response
        if response:
            chunks, response.chunks = response.chunks, []
            self.at.append(len(self.entries))
            self.responses.append(response)
            self.counts.append(len(chunks))
            self.sequence += [chunk.sequence for chunk in chunks]
            self.delta += [chunk.delta for chunk in chunks]
            self.stamp += [chunk.timestamp for chunk in chunks]
            self.kind += [chunk.kind for chunk in chunks]
        self.entries.append(entry)

    def chunks_of(self, number: int) -> list[ChunkFile]:
        """Return the chunks of a response, put together again."""
        end = sum(self.counts[: number + 1])
        rows = slice(end - self.counts[number], end)
        columns = zip(self.sequence[rows], self.delta[rows], self.stamp[rows], self.kind[rows], strict=True)
        return [ChunkFile(sequence, delta, stamp, kind=kind) for sequence, delta, stamp, kind in columns]

    def part(self, keep: Collection[str]) -> Part:
        """Make columns.

        Args:
            keep: the columns of the chunks that are wanted.

        Raises:
            BadTimesError: a time is none.
        """
        chunks = _Chunks(self)
        known = _response_columns(self.responses, chunks, self.at)
        rows, places, steps = (found.tolist() for found in chunks.back)
        notes = {self.at[row]: (place, us) for row, place, us in zip(rows, places, steps, strict=True)}
        n_rows = len(self.entries)
        columns = _message_columns(self.entries, notes) | {
            name: values if len(self.at) == n_rows else _spread(values, self.at, n_rows)
            for name, values in known.items()
        }
        columns["n_rows"] = columns["n_rows"].fill_null(0)
        messages = pa.table([columns[name] for name in MESSAGES.names], schema=MESSAGES)
        return Part.of(messages, chunks.columns(keep))


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

    def __init__(self, batch: Batch) -> None:
        counts, kinds = np.array(batch.counts, dtype=np.int64), batch.kind
        stamps = moments(batch.stamp)
        if len(stamps.bad):
            of_response = np.repeat(np.arange(len(counts)), counts)
            raise BadTimesError(batch.at[row] for row in of_response[stamps.bad].tolist())
        self.counts = counts
        self.sequence = np.array(batch.sequence, dtype=np.int64)
        self.delta, n_chars = _deltas(batch.delta, counts)
        self.us = stamps.us
        is_one = kinds.count(TEXT) == len(kinds)
        self.kind = _same(TEXT, len(kinds)) if is_one else _texts(kinds).dictionary_encode()
        times = Ragged.from_counts(stamps.us.astype(np.float64), counts)
        self.rows = ChunkRows(
            times_us=times,
            n_chars=n_chars,
            is_shown=np.asarray(pc.greater(pc.binary_length(self.delta), 0)),
            is_text=np.ones(len(kinds), dtype=np.bool_) if is_one else _equal(self.kind, TEXT),
            is_reasoning=np.zeros(len(kinds), dtype=np.bool_) if is_one else _equal(self.kind, REASONING),
        )
        self.back = steps_back(times)
        self.figures: dict[str, NDArray[Any]] = {}

    def columns(self, keep: Collection[str]) -> dict[str, ChunkColumn]:
        known = {"sequence": self.sequence, "kind": self.kind, "delta": self.delta, "timestamp": self.us}
        known |= self.figures
        known["is_stall"] = known["is_stall"].view(np.uint8)
        wanted = {name: known[name] for name in CHUNKS if name in keep}
        return {name: pa.chunked_array([column]) if is_text(name) else column for name, column in wanted.items()}


def _response_columns(responses: list[ResponseFile], chunks: _Chunks, at: list[int]) -> dict[str, pa.Array]:
    started = _times([response.started_at for response in responses], at)
    completed = _times([response.completed_at for response in responses], at)
    metadata = [response.metadata for response in responses]
    headers, first_event, finished = (
        _times([getattr(known, name, None) for known in metadata], at) for name in _STAMPS
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
    chunks.figures = chunk_times(chunks.rows, streams)
    timings = [known and known.server_timings for known in metadata]
    return {
        "n_rows": pa.array(chunks.counts),
        "model": _texts([response.model for response in responses]),
        "finish_reason": _texts([response.finish_reason for response in responses]),
        "status": pa.array(status, TEXTS),
        "started_at": _stamps(started),
        "completed_at": _stamps(completed),
        **{name: pa.array(values) for name, values in figures(streams).items()},
        **{name: pa.array(values, pa.int64()) for name, values in tokens.items()},
        "server_prompt_ms": pa.array([known and real(known.prompt_ms) for known in timings], REAL),
        "server_decode_ms": pa.array([known and real(known.predicted_ms) for known in timings], REAL),
    }


def _message_columns(entries: Sequence[Entry], notes: dict[int, tuple[int, int]]) -> dict[str, pa.Array]:
    files = [entry.file for entry in entries]
    created = _times([None if file is None else file.created_at for file in files], range(len(files)))
    keys = np.array([entry.key for entry in entries], dtype=np.int64).reshape(-1, len(KEY))
    wrong = [(entry.where, entry.reason) for entry in entries]
    for row, (place, us) in notes.items():
        back_ms = timedelta(microseconds=int(us)).total_seconds() * 1000
        wrong[row] = (f"streaming_response.chunks.{place}.timestamp", f"goes back by {back_ms:.3f} ms")
    return {
        "path": pa.array([entry.path for entry in entries], TEXTS),
        **{name: pa.array(keys[:, place]) for place, name in enumerate(KEY)},
        "is_read": pa.array([file is not None for file in files], pa.bool_()),
        "where": _texts([where for where, _ in wrong]),
        "reason": _texts([reason for _, reason in wrong]),
        **{
            name: _texts([file and getattr(file, name) for file in files])
            for name in ("message_id", "parent_id", "role", "message_type")
        },
        "created_at": _stamps(created),
        "text_chars": pa.array([len(entry.content) for entry in entries], pa.int64()),
        "preview": _texts([preview(entry.content) for entry in entries]),
        "labels": pa.array([_labels(file) for file in files], TEXTS),
        "is_response": pa.array([bool(file and file.streaming_response) for file in files], pa.bool_()),
    }


def _labels(file: MessageFile | None) -> str | None:
    told = b"" if file is None else bytes(file.metadata)
    return told.decode() if told not in _NO_LABELS else None


def _spread(values: pa.Array, at: list[int], n_rows: int) -> pa.Array:
    """Put values of responses into rows of messages; the others have none, and no chunks."""
    places = np.full(n_rows, -1, dtype=np.int64)
    places[at] = np.arange(len(at))
    return values.take(pa.array(places, mask=places < 0))


def _times(stamps: Sequence[str | None], at: Sequence[int]) -> Moments:
    found = moments(stamps)
    if len(found.bad):
        raise BadTimesError(at[row] for row in found.bad.tolist())
    return found


def _stamps(found: Moments) -> pa.Array:
    return pa.array(found.us, pa.int64(), mask=~found.known).cast(UTC_US)


def _floats(found: Moments) -> NDArray[np.float64]:
    return np.where(found.known, found.us, np.nan)


def _texts(texts: list[Any]) -> pa.Array:
    """Make a column of text; half characters, which it can't hold, become U+FFFD."""
    try:
        return pa.array(texts, TEXTS)
    except UnicodeEncodeError:
        return pa.array([None if text is None else well_formed(text) for text in texts], TEXTS)


def _deltas(deltas: list[str], counts: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.int64]]:
    """Make a column of deltas, and count the code points that each adds; a character is cut within a response only."""
    try:
        made = pa.array(deltas, TEXTS)
    except UnicodeEncodeError:
        ends = np.cumsum(counts).tolist()
        of_response = (code_points(deltas[end - count : end]) for end, count in zip(ends, counts.tolist(), strict=True))
        return _texts(deltas), np.array(list(chain.from_iterable(of_response)), dtype=np.int64)
    return made, np.asarray(pc.utf8_length(made), dtype=np.int64)


def _same(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([text], TEXTS))


def _equal(kinds: pa.DictionaryArray, kind: str) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(kinds, pa.scalar(kind, TEXTS)), dtype=np.bool_)
