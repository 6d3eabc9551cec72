"""The figures of a response: the formulas behind every table, read-out and sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.timing.ragged import Ragged, gaps
from chatkit.timing.stalls import StallRule, is_stall

if TYPE_CHECKING:
    from chatkit.timing.ragged import Booleans, Floats

_US_PER_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Streams:
    """``n`` responses as they arrived. Times are µs since the epoch, as floats; NaN if unknown.

    Attributes:
        times_us: arrival of each chunk whose delta is not empty, a row a response.
        n_chars: code points of each of those chunks.
        is_text: whether the chunk is answer text (else reasoning, or the argument of a tool call).
        is_reasoning: whether it is reasoning.
        requested_us: the request was sent, shape ``(n,)`` like all below.
        headers_us: the response's headers came.
        first_event_us: the first event of any kind came.
        finished_us: the event that carries the finish reason came.
        ended_us: the stream ended.
        completion_tokens: tokens of output, NaN if not reported.
        reasoning_tokens: the part of them spent on reasoning, NaN if not reported.
        is_complete: whether the stream ran to its own end.
    """

    times_us: Ragged
    n_chars: Floats
    is_text: Booleans
    is_reasoning: Booleans
    requested_us: Floats
    headers_us: Floats
    first_event_us: Floats
    finished_us: Floats
    ended_us: Floats
    completion_tokens: Floats
    reasoning_tokens: Floats
    is_complete: Booleans


FIGURES = (
    "headers_ms", "first_event_ms", "ttft_ms", "ttfo_ms", "after_headers_ms", "streaming_ms", "tail_ms",
    "e2e_ms", "n_chunks", "n_reads", "n_chars", "gap_p50_ms", "gap_p99_ms", "gap_max_ms", "n_stalls",
    "stalled_ms", "tpot_ms", "tokens_per_s", "e2e_tokens_per_s", "chars_per_s", "chunks_per_token",
)  # fmt: skip
"""Names of the figures, in the order of the columns of ``responses_df``."""


def figures(streams: Streams, rule: StallRule | None = None) -> dict[str, Floats]:
    """Every figure of every response: ``{name: array of shape (n,)}``, NaN where it is unknown.

    The formulas stand in the functions below and in the column descriptions of ``responses_df``.
    """
    found = _waits(streams) | _gap_figures(streams, rule) | _rates(streams)
    return {name: found[name] for name in FIGURES}


def _waits(streams: Streams) -> dict[str, Floats]:
    """Durations between two known moments, in ms."""
    times, sent = streams.times_us, streams.requested_us
    first, last = times.first(), times.last()
    first_text = times.where(streams.is_text).first()
    moments = {
        "headers_ms": (sent, streams.headers_us),
        "first_event_ms": (sent, streams.first_event_us),
        "ttft_ms": (sent, first),
        "ttfo_ms": (sent, first_text),
        "after_headers_ms": (streams.headers_us, first),
        "streaming_ms": (first, np.where(times.counts > 1, last, np.nan)),
        "tail_ms": (last, streams.ended_us),
        "e2e_ms": (sent, np.where(streams.is_complete, streams.ended_us, np.nan)),
    }
    return {name: (end - start) / _US_PER_MS for name, (start, end) in moments.items()}


def _gap_figures(streams: Streams, rule: StallRule | None) -> dict[str, Floats]:
    """What lies between chunks: gaps (zero ones included) and stalls."""
    times = streams.times_us
    between = gaps(times)
    between_ms = Ragged(between.values / _US_PER_MS, between.bounds)
    stalls = between_ms.where(is_stall(between_ms, rule))
    some, ordered = between_ms.counts > 0, between_ms.sorted()
    return {
        "n_chunks": times.counts.astype(np.float64),
        "n_reads": times.n_distinct().astype(np.float64),
        "n_chars": Ragged(np.where(streams.is_text, streams.n_chars, 0.0), times.bounds).sums(),
        "gap_p50_ms": ordered.percentile(50),
        "gap_p99_ms": ordered.percentile(99),
        "gap_max_ms": ordered.percentile(100),
        "n_stalls": np.where(some, stalls.counts, np.nan),
        "stalled_ms": np.where(some, stalls.sums(), np.nan),
    }


def _rates(streams: Streams) -> dict[str, Floats]:
    """Pace: per token where usage is known, per character and per chunk always.

    ``tpot_ms`` ends at the finish event, not at the last chunk: a server that holds text back for a stop
    sequence counts tokens that it never shows.
    """
    times, tokens = streams.times_us, streams.completion_tokens
    first, last = times.first(), times.last()
    finished = np.where(np.isnan(streams.finished_us), last, streams.finished_us)
    shown_reasoning = Ragged(streams.is_reasoning.astype(np.float64), times.bounds).sums() > 0
    hidden = (np.nan_to_num(streams.reasoning_tokens) > 0) & ~shown_reasoning
    countable = np.where((tokens >= 2) & ~hidden, tokens, np.nan)
    tpot_ms = (finished - first) / _US_PER_MS / (countable - 1)

    text = times.where(streams.is_text)
    chars = Ragged(streams.n_chars, times.bounds).where(streams.is_text)
    text_ms = (text.last() - text.first()) / _US_PER_MS
    e2e_ms = (np.where(streams.is_complete, streams.ended_us, np.nan) - streams.requested_us) / _US_PER_MS
    return {
        "tpot_ms": tpot_ms,
        "tokens_per_s": _per_second(1.0, tpot_ms),
        "e2e_tokens_per_s": _per_second(tokens, e2e_ms),
        "chars_per_s": _per_second(chars.sums() - chars.first(), text_ms),
        "chunks_per_token": _ratio(times.counts.astype(np.float64), tokens),
    }


def _per_second(amount: Floats | float, duration_ms: Floats) -> Floats:
    return _ratio(1000.0 * np.asarray(amount, dtype=np.float64), duration_ms)


def _ratio(amount: Floats, whole: Floats) -> Floats:
    """``amount / whole``, NaN where the whole is zero: a rate over no time is not known."""
    return amount / np.where(whole == 0, np.nan, whole)
