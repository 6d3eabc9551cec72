"""Where the time of one response went."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from chatkit.metrics.stall_table import stalls
from chatkit.models import Message
from chatkit.models.summary import duration_text

if TYPE_CHECKING:
    from chatkit.models import Response

_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of a response's time, as a table and in a sentence.

    Attributes:
        frame: ``part``, ``duration_ms`` (NaN if unknown), ``share`` of all that is known (0 to 1), and
            ``because_of``: ids of the responses whose waits overlap the stalls, joined by commas.
        sentence: the same in words; parts that are not known are named.
    """

    frame: pd.DataFrame
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{self.frame.to_html(index=False)}"


def explain(message: Message, responses: pd.DataFrame) -> Explanation:
    """Say where the time of one response went: waiting, streaming, stalled, ending.

    Parts, in their order, which add up to the time from the request to the end of the stream:

    * ``headers``: until the response's headers came;
    * ``first chunk``: from there (from the request, if no headers were recorded) until the first chunk;
    * ``streamed``: from the first to the last chunk, without the stalls;
    * ``stalled``: the stalls between them, and which other response's wait overlaps each longest;
    * ``tail``: from the last chunk to the end.

    Args:
        message: a streamed response.
        responses: the responses that ran beside it: ``message_id``, ``started_at``, ``ttft_ms``, ``tail_ms``.

    Returns:
        The table and the sentence; ``print`` writes the sentence.

    Raises:
        KeyError: a column is missing.
        TypeError: an id or a row was given for the message, or a store for the responses.
        ValueError: the message is no streamed response.

    >>> from chatkit.models import Piece, Response
    >>> from chatkit.timing.stamps import from_us
    >>> response = Response.from_pieces(
    ...     [Piece(120_000, "Hello"), Piece(150_000, ", world")], started_at=from_us(0), completed_at=from_us(160_000),
    ...     model="m")
    >>> message = Message.from_response(response)
    >>> responses = pd.DataFrame({"message_id": [message.message_id], "started_at": [from_us(0)], "ttft_ms": 120.0,
    ...                           "tail_ms": 10.0})
    >>> explain(message, responses).frame[["part", "duration_ms", "share"]]
              part  duration_ms   share
    0      headers          NaN     NaN
    1  first chunk        120.0  0.7500
    2     streamed         30.0  0.1875
    3      stalled          0.0  0.0000
    4         tail         10.0  0.0625
    """
    if not isinstance(message, Message):
        raise TypeError(f"a {type(message).__name__} is no message: give store.message(…), which takes ids and rows")
    response = message.streaming_response
    if response is None:
        raise ValueError(f"message {message.message_id} is no streamed response: {message.message_type}")
    causes = _causes(message, response, responses)
    parts = _parts_ms(response)
    frame = pd.DataFrame({"part": list(parts), "duration_ms": list(parts.values())})
    known_ms = frame["duration_ms"].sum()
    frame["share"] = frame["duration_ms"] / known_ms if known_ms > 0 else math.nan
    frame["because_of"] = pd.array(
        [", ".join(causes) or None if part == "stalled" else None for part in parts], dtype="str"
    )
    return Explanation(frame, _sentence(message, response, parts, causes))


def _parts_ms(response: Response) -> dict[str, float]:
    """Return how long each part took, NaN where that is not known."""
    figures = response.figures
    n_chunks, stalled_ms = len(response.shown), figures["stalled_ms"]
    first_chunk_ms = figures["after_headers_ms"] if figures["headers_ms"] >= 0 else figures["ttft_ms"]
    return {
        "headers": figures["headers_ms"],
        "first chunk": first_chunk_ms,
        # One chunk streams and stalls for no time at all, which is known.
        "streamed": 0.0 if n_chunks == 1 else figures["streaming_ms"] - stalled_ms,
        "stalled": 0.0 if n_chunks == 1 else stalled_ms,
        "tail": figures["tail_ms"],
    }


def _causes(message: Message, response: Response, responses: pd.DataFrame) -> list[str]:
    """Return the ids of the responses that explain its stalls, in order, each once."""
    arrived = pd.DataFrame(
        {
            "message_id": message.message_id,
            "sequence": range(1, len(response.shown) + 1),
            "elapsed_ms": response.arrivals_ms,
            "timestamp": pd.to_datetime([chunk.timestamp for chunk in response.shown], utc=True),
        }
    )
    found = stalls(arrived, responses)
    between = found.loc[found["sequence"].notna(), "cause_message_id"]
    return [str(message_id) for message_id in between.dropna().unique()]


def _sentence(message: Message, response: Response, parts: dict[str, float], causes: list[str]) -> str:
    took = {part: duration_text(ms) for part, ms in parts.items()}
    said = {
        "headers": f"waited {took['headers']} for the headers",
        "first chunk": f"waited {took['first chunk']} for the first chunk",
        "streamed": f"streamed for {took['streamed']}",
        "stalled": f"stalled for {took['stalled']} ({_stalls_text(response, causes)})",
        "tail": f"ended {took['tail']} after the last chunk",
    }
    known = [said[part] for part, ms in parts.items() if ms > 0]
    unknown = [part for part, ms in parts.items() if math.isnan(ms)]
    name = f"Response {message.message_id[:_ID_LENGTH]}"
    line = f"{name}: {', '.join(known)}." if known else f"{name}: nothing of its time is known."
    return f"{line} Not known: {', '.join(unknown)}." if unknown and known else line


def _stalls_text(response: Response, causes: list[str]) -> str:
    n_stalls = len(response.stalls)
    times = "once" if n_stalls == 1 else f"{n_stalls} times"
    if not causes:
        return f"{times}, no cause known"
    return f"{times}, while {', '.join(cause[:_ID_LENGTH] for cause in causes)} waited for a first chunk"
