"""A response in a few words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatkit.models.notebook_table import Cell
    from chatkit.models.response import Response


def duration_text(ms: float) -> str:
    """Write a duration: ms below a second, else seconds.

    >>> duration_text(103.2), duration_text(2700), duration_text(float("nan"))
    ('103 ms', '2.70 s', 'unknown')
    """
    if math.isnan(ms):
        return "unknown"
    return f"{ms:.0f} ms" if round(ms) < 1000 else f"{ms / 1000:.2f} s"


def summary_line(response: Response) -> str:
    """Return model, chunks, duration, TTFT, tokens and how it ended, as far as known."""
    chunks = f"{len(response.shown)} chunk" + "s" * (len(response.shown) != 1)
    parts = [response.model or "", chunks, duration_text(response.duration_ms)]
    if response.shown:
        parts.append(f"TTFT {duration_text(response.figures['ttft_ms'])}")
    usage = response.usage
    if usage and usage.prompt_tokens is not None and usage.completion_tokens is not None:
        parts.append(f"{usage.prompt_tokens} + {usage.completion_tokens} tokens")
    parts.append(response.finish_reason or response.status)
    return ", ".join(part for part in parts if part)


def facts(response: Response) -> list[tuple[str, Cell]]:
    """Return the same as names and values, one row each, what is not known included."""
    usage = response.usage
    return [
        ("model", response.model),
        ("chunks", len(response.shown)),
        ("duration", duration_text(response.duration_ms)),
        ("TTFT", duration_text(response.figures["ttft_ms"])),
        ("prompt tokens", usage.prompt_tokens if usage else None),
        ("completion tokens", usage.completion_tokens if usage else None),
        ("ended", response.finish_reason or response.status),
    ]
