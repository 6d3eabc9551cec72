"""The line beneath a title: how much is shown, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatkit.metrics.arrivals import Arrivals


def how_many(rows: Arrivals) -> str:
    """Say which response is shown, or how many, and of how many chunks."""
    chunks = counted(len(rows.frame), "chunk")
    if len(rows) == 1:
        return f"{short_id(rows.message_ids.iloc[0])} · {chunks}"
    return f"{counted(len(rows), 'response')} · {chunks}"


def counted(n: int, noun: str) -> str:
    """Return a number and its noun.

    >>> counted(1, "chunk"), counted(2000, "chunk"), counted(0, "chunk")
    ('1 chunk', '2,000 chunks', 'no chunks')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s" if n else f"no {noun}s"


def left_out_of(n: int, shown: int, noun: str) -> str:
    """Say of how many of ``n`` something holds, or nothing if it holds of all.

    >>> left_out_of(12, 5, "stalls named"), left_out_of(5, 5, "stalls named")
    ('5 of 12 stalls named', '')
    """
    return "" if shown == n else f"{shown:,} of {n:,} {noun}"


def short_id(message_id: object) -> str:
    """Return the beginning of an id that is enough to look it up.

    >>> short_id("4654bc45-c3c3-45ba-a7e8-c0e26f7958c0")
    '4654bc45'
    """
    return str(message_id)[:8]
