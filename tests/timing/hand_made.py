"""Streams written out in ms after the request, for examples that are worked out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chatkit.timing import Ragged, StallRule, Streams, figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.timing.ragged import Floats

NAN = math.nan
SENT_US = 1_795_424_512_566_342
"""Any real moment: µs since the epoch are exact as floats until the year 2255."""


@dataclass(frozen=True)
class Stream:
    """One response: chunks as ``(ms, kind, characters)``, moments in ms after the request, NaN if unknown."""

    chunks: Sequence[tuple[float, str, int]] = ()
    requested: float = 0.0
    headers: float = NAN
    first_event: float = NAN
    finished: float = NAN
    ended: float = NAN
    completion_tokens: float = NAN
    reasoning_tokens: float = NAN
    is_complete: bool = True
    origin_us: int = field(default=SENT_US)


def streams_of(*made: Stream) -> Streams:
    """All of them in one ragged array."""
    return Streams(
        times_us=Ragged.of(*([stream.origin_us + ms * 1000 for ms, _, _ in stream.chunks] for stream in made)),
        n_chars=np.array([chars for stream in made for _, _, chars in stream.chunks], dtype=np.float64),
        is_text=np.array([kind == "text" for stream in made for _, kind, _ in stream.chunks], dtype=np.bool_),
        is_reasoning=np.array([kind == "reasoning" for stream in made for _, kind, _ in stream.chunks], dtype=np.bool_),
        requested_us=_moments(made, "requested"),
        headers_us=_moments(made, "headers"),
        first_event_us=_moments(made, "first_event"),
        finished_us=_moments(made, "finished"),
        ended_us=_moments(made, "ended"),
        completion_tokens=np.array([stream.completion_tokens for stream in made], dtype=np.float64),
        reasoning_tokens=np.array([stream.reasoning_tokens for stream in made], dtype=np.float64),
        is_complete=np.array([stream.is_complete for stream in made], dtype=np.bool_),
    )


def figures_of(stream: Stream, rule: StallRule | None = None) -> dict[str, float]:
    """The figures of one."""
    return {name: float(values[0]) for name, values in figures(streams_of(stream), rule).items()}


def texts(*times_ms: float, chars: int = 3) -> list[tuple[float, str, int]]:
    """Chunks of answer text at these moments."""
    return [(ms, "text", chars) for ms in times_ms]


def _moments(made: Sequence[Stream], name: str) -> Floats:
    return np.array([stream.origin_us + getattr(stream, name) * 1000 for stream in made], dtype=np.float64)
