"""What is written when: a stream's bytes with their recorded moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.formats.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chatkit.server.compatible.answer import Answer
    from chatkit.server.compatible.asked import Asked
    from chatkit.server.compatible.shape import Shape
    from chatkit.timing.ragged import Floats

_NS_PER_MS = 1e6
_OK = 200


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """The events of one stream. Moments are ms since the request, as recorded.

    Attributes:
        frames: the bytes of each event.
        due_ms: when each is written, ascending.
        headers_ms: when the answer's headers are.
        end_ms: when the stream ends.
    """

    frames: Sequence[bytes]
    due_ms: Floats
    headers_ms: float
    end_ms: float


def script_of(answer: Answer, shape: Shape, asked: Asked, raw_path: Path | None) -> Script:
    """Return how an answer is streamed: the very events that were recorded, where they were kept and have this shape.

    Args:
        answer: what is sent.
        shape: of the API that is asked.
        asked: the request.
        raw_path: where the raw events are, if they were kept.

    Raises:
        CorruptFileError: the raw events are not what they should be.
    """
    raw = None if raw_path is None else _raw(raw_path, shape)
    return raw or _synthesised(answer, shape, asked)


def _synthesised(answer: Answer, shape: Shape, asked: Asked) -> Script:
    events = list(shape.events(answer, asked))
    return Script(
        frames=[event.data for event in events],
        due_ms=np.array([event.at_ms for event in events], dtype=np.float64),
        headers_ms=answer.headers_ms,
        end_ms=answer.ended_ms,
    )


def _raw(path: Path, shape: Shape) -> Script | None:
    """Return the recorded events; None where they are another API's, no stream, or not all of it."""
    try:
        recording = Recording(path)
    except FileNotFoundError:
        return None
    header = recording.header
    asked_path = header.url.partition("?")[0].rstrip("/")
    is_same = asked_path.endswith(shape.path.removeprefix("/v1"))
    if not is_same or recording.is_cut or not recording.events or (header.status or _OK) != _OK:
        return None
    due_ms = np.maximum.accumulate([event.t_ns / _NS_PER_MS for event in recording.events])
    first_ms, last_ms = float(due_ms[0]), float(due_ms[-1])
    return Script(
        frames=[_block(event.event) for event in recording.events],
        due_ms=due_ms,
        headers_ms=first_ms if header.headers_ns is None else min(header.headers_ns / _NS_PER_MS, first_ms),
        end_ms=last_ms if header.closed_ns is None else max(header.closed_ns / _NS_PER_MS, last_ms),
    )


def _block(event: str) -> bytes:
    """Return an event with the blank line that ends it, in the line ends that it has itself."""
    end = "\r\n" if "\r\n" in event else "\n"
    return (event if event.endswith(end * 2) else event + end * 2).encode("utf-8", "replace")
