"""Which columns a question needs, and what is said when a frame lacks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def require_columns(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Check that a frame has these columns.

    Raises:
        ValueError: one is missing; the message names it and those that are there.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns)) or "none"
        raise ValueError(f"no column {', '.join(map(repr, missing))} in the frame: it has {there}")
