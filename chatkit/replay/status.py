"""What a replay says of itself at a moment, in one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chatkit.models.summary import duration_text, summary_line

if TYPE_CHECKING:
    from chatkit.models import Response


def status_line(response: Response, count: int, position_ms: float) -> str:
    """Say how far a response has come: TTFT, chunks, and how long the next one has been waited for.

    Args:
        response: what is replayed.
        count: how many chunks have come.
        position_ms: the recorded moment.
    """
    if count == 0:
        return f"waiting for the first chunk {duration_text(position_ms)}"
    total = len(response.shown)
    ttft_ms = response.figures["ttft_ms"]
    parts = [] if math.isnan(ttft_ms) else [f"TTFT {duration_text(ttft_ms)}"]
    parts.append(f"{count} of {total} chunk" + "s" * (total != 1))
    waited = duration_text(max(0.0, position_ms - float(response.arrivals_ms[:count].max())))
    if count == total:
        parts.append(f"waiting for the end {waited}")
    elif is_stalled(response, count):
        parts.append(f"waiting {waited}")
    else:
        parts.append(duration_text(position_ms))
    return " · ".join(parts)


def is_stalled(response: Response, count: int) -> bool:
    """Whether the wait after the first ``count`` chunks is a stall."""
    return count in response.stalls


def end_line(response: Response) -> str:
    """Say what a response was: its summary, and its stalls."""
    stalls = len(response.stalls)
    if not stalls:
        return summary_line(response)
    stalled = duration_text(response.figures["stalled_ms"])
    return f"{summary_line(response)}, {stalls} stall{'s' * (stalls != 1)} of {stalled}"
