"""Lanes: messages as the player takes them."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from chatkit.models.response import TEXT
from chatkit.models.summary import duration_text
from chatkit.models.text import join, well_formed
from chatkit.timing import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from chatkit.models import Message, Response

MASK = "▮"
"""What stands for a chunk whose words are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One response as it is replayed.

    Attributes:
        message_id: the message it was.
        name: what the reader sees over it.
        text: the answer text, valid Unicode.
        arrivals_ms: when each chunk is due, ascending, counted from the request (from the first chunk where
            that is not known).
        chunk_ends: how much of the text, in UTF-16 units, is there with each chunk.
        stalls: indices of the chunks that ended a stall.
        total_ms: the end of the stream.
        ttft_ms: NaN where the request's time is not known.
        completion_tokens: None where usage was not reported.
        tokens_per_s: NaN where it is not known.
        status: as :attr:`chatkit.models.Response.status`.
    """

    message_id: str
    name: str
    text: str
    arrivals_ms: NDArray[np.float64]
    chunk_ends: NDArray[np.uint32]
    stalls: tuple[int, ...]
    total_ms: float
    ttft_ms: float
    completion_tokens: int | None
    tokens_per_s: float
    status: str

    def to_wire(self) -> dict[str, Any]:
        """Return what the browser gets: arrays as little-endian bytes, None for what is not known."""
        return {
            "name": self.name,
            "text": self.text,
            "arrivals_ms": self.arrivals_ms.astype("<f8").tobytes(),
            "chunk_ends": self.chunk_ends.astype("<u4").tobytes(),
            "stalls": list(self.stalls),
            "total_ms": self.total_ms,
            "ttft_ms": _known(self.ttft_ms),
            "completion_tokens": self.completion_tokens,
            "tokens_per_s": _known(self.tokens_per_s),
            "status": self.status,
        }

    def to_json(self) -> dict[str, Any]:
        """Return what a page gets: as :meth:`to_wire`, with bytes in base64."""
        wire = self.to_wire().items()
        return {key: b64encode(value).decode("ascii") if isinstance(value, bytes) else value for key, value in wire}

    def describe(self) -> str:
        """Return id, chunks, duration and TTFT in a few words."""
        n_chunks = len(self.arrivals_ms)
        chunks = f"{n_chunks} chunk" + "s" * (n_chunks != 1)
        times = f"{duration_text(self.total_ms)}, TTFT {duration_text(self.ttft_ms)}"
        return f"message {self.message_id[:8]}: {chunks}, {times}"


def lane(message: Message, *, name: str | None = None, text: bool = True) -> Lane:
    """Make a lane of a message.

    Chunks of reasoning and of tool calls are arrivals like any other, but add no text.

    Args:
        message: a streamed response.
        name: what stands over it; the model and the beginning of the id by default.
        text: whether the words are kept. Without them each chunk of text is one "▮": the rhythm is there,
            the conversation is not.

    Raises:
        TypeError: this is no message.
        ValueError: the message was not streamed, so there is nothing to replay.
    """
    response = _streamed(message)
    deltas = [chunk.delta if chunk.kind == TEXT else "" for chunk in response.shown]
    if not text:
        deltas = [MASK if delta else "" for delta in deltas]
    words = well_formed(join(deltas))
    arrivals_ms = in_order(response.arrivals_ms)
    return Lane(
        message_id=message.message_id,
        name=name or f"{response.model or message.role} {message.message_id[:8]}",
        text=words,
        arrivals_ms=arrivals_ms,
        chunk_ends=_chunk_ends(words, deltas),
        stalls=tuple(int(index) for index in response.stalls),
        total_ms=max(response.duration_ms, float(arrivals_ms.max(initial=0.0))),
        ttft_ms=response.figures["ttft_ms"],
        completion_tokens=response.usage.completion_tokens if response.usage else None,
        tokens_per_s=response.figures["tokens_per_s"],
        status=response.status,
    )


def _streamed(message: Message) -> Response:
    if not hasattr(message, "streaming_response"):
        raise TypeError(f"not a message: {type(message).__name__}; give a Message or a list of them")
    if message.streaming_response is None:
        raise ValueError(
            f"message {message.message_id[:8]} has no chunks to replay: it is of type"
            f" {message.message_type!r}; give one of type 'streaming_response'"
        )
    return message.streaming_response


def _chunk_ends(text: str, deltas: Sequence[str]) -> NDArray[np.uint32]:
    """Where each delta ends in ``text``, in UTF-16 units.

    A character that is cut between two deltas belongs to the second: half of one can't be shown.
    """
    sizes = (len(delta.encode("utf-16-le", "surrogatepass")) // 2 for delta in deltas)
    ends = np.fromiter(accumulate(sizes), dtype=np.uint32, count=len(deltas))
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")
    if len(units) == len(text):
        return ends
    # The text is valid, so what follows a first half is always its second half.
    is_first_half = np.append(units & 0xFC00 == 0xD800, [False])
    return ends - np.where(ends > 0, is_first_half[np.maximum(ends, 1) - 1], 0).astype(np.uint32)


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
