"""The scan's columns as the arithmetic on arrival times takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.frames.build import floats
from chatkit.models.response import REASONING, TEXT
from chatkit.models.text import code_points
from chatkit.timing import Ragged, Streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chatkit.frames.scan import Scan


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """All chunks of a scan, empty deltas included, a row a response.

    Attributes:
        times_us: their arrivals.
        n_chars: code points that each adds.
        is_shown: whether its delta is not empty, so that it counts.
        is_text: whether it is answer text.
        is_reasoning: whether it is reasoning.
    """

    times_us: Ragged
    n_chars: NDArray[np.int64]
    is_shown: NDArray[np.bool_]
    is_text: NDArray[np.bool_]
    is_reasoning: NDArray[np.bool_]


def chunk_rows(scan: Scan) -> ChunkRows:
    """Return the chunks of a scan as arrays."""
    deltas = scan.chunks.get("delta", [])
    kinds = np.array(scan.chunks.get("kind", []), dtype=np.str_)
    times_us = np.array(scan.chunks.get("timestamp", []), dtype=np.float64)
    return ChunkRows(
        times_us=Ragged.from_counts(times_us, scan.chunk_counts),
        n_chars=np.array(_chars(deltas, scan.chunk_counts), dtype=np.int64),
        is_shown=np.array([bool(delta) for delta in deltas], dtype=np.bool_),
        is_text=kinds == TEXT,
        is_reasoning=kinds == REASONING,
    )


def streams(scan: Scan, rows: ChunkRows) -> Streams:
    """Return the responses of a scan, without their empty deltas."""
    responses = scan.responses
    shown = rows.is_shown
    return Streams(
        times_us=rows.times_us.where(shown),
        n_chars=rows.n_chars[shown].astype(np.float64),
        is_text=rows.is_text[shown],
        is_reasoning=rows.is_reasoning[shown],
        requested_us=floats(responses.get("requested_us", [])),
        headers_us=floats(responses.get("headers_us", [])),
        first_event_us=floats(responses.get("first_event_us", [])),
        finished_us=floats(responses.get("finished_us", [])),
        ended_us=floats(responses.get("completed_at", [])),
        completion_tokens=floats(responses.get("completion_tokens", [])),
        reasoning_tokens=floats(responses.get("reasoning_tokens", [])),
        is_complete=np.array([status == "complete" for status in responses.get("status", [])], dtype=np.bool_),
    )


def _chars(deltas: list[str], counts: list[int]) -> list[int]:
    """Count the code points of each delta, response by response: a character is cut within one only."""
    found: list[int] = []
    start = 0
    for count in counts:
        found.extend(code_points(deltas[start : start + count]))
        start += count
    return found
