"""The line beneath a title: how much is shown, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatkit.charts.lettering import told_apart

if TYPE_CHECKING:
    from chatkit.metrics.arrivals import Arrivals

_IDS = ("context_id", "message_id")
LONGEST = 28
"""Characters of a name: more would take the room of what it names."""
_UNKNOWN = "unknown"


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


def left_out(n: int, what: str) -> str:
    """Say how many were left out and why, or nothing if none was.

    >>> left_out(3, "without usage"), left_out(0, "without usage")
    ('3 without usage left out', '')
    """
    return f"{n:,} {what} left out" if n else ""


def response_names(rows: Arrivals, label: str | None) -> list[str]:
    """Return what each response is called: what a column says, or the beginning of its id."""
    if label is None:
        return [short_id(message_id) for message_id in rows.message_ids]
    values = rows.frame[label].iloc[rows.bounds[:-1]]
    return [_UNKNOWN if pd.isna(value) else str(value) for value in values]


def group_labels(keys: pd.DataFrame) -> list[str]:
    """Return what each group is called: its keys, cut where they are long; nothing where all is one group.

    >>> group_labels(pd.DataFrame({"model": ["a", None], "turn": [0, 1]}))
    ['a · 0', 'unknown · 1']
    """
    columns = [
        [_UNKNOWN if pd.isna(key) else short_id(key) if name in _IDS else str(key) for key in keys[name]]
        for name in keys.columns
    ]
    if not columns:
        return [""] * len(keys)
    return told_apart([" · ".join(parts) for parts in zip(*columns, strict=True)], LONGEST)
