"""A frame held to plain rows: the same values in the same order, unknown where they are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES = {"created_at", "updated_at", "started_at", "completed_at", "timestamp"}


def hold(frame: pd.DataFrame, rows: Sequence[dict[str, Any]], table: str) -> None:
    """Hold a frame to rows worked out without chatkit.

    Raises:
        AssertionError: the first column and row that differ.
    """
    assert len(frame) == len(rows), f"{table}: {len(frame)} rows, {len(rows)} expected"
    for name in frame.columns:
        wanted = [row[name] for row in rows]
        for place, (got, value) in enumerate(zip(_plain(frame[name]), wanted, strict=True)):
            assert _same(got, value), f"{table}.{name} in row {place}: {got!r}, expected {value!r}"


def _plain(column: pd.Series[Any]) -> list[Any]:
    if column.name in TIMES:
        known = column.notna()
        us = column.dt.as_unit("us").astype("int64")
        return [int(value) if there else None for value, there in zip(us, known, strict=True)]
    return [None if pd.isna(value) else value for value in column.tolist()]


def _same(got: Any, wanted: Any) -> bool:
    if got is None or wanted is None:
        return got is None and wanted is None
    if isinstance(wanted, float) or isinstance(got, float):
        return bool(abs(got - wanted) <= 1e-9 * max(1.0, abs(wanted)))
    if isinstance(wanted, str):
        return bool(got == without_halves(wanted))
    return bool(got == wanted)


def without_halves(text: str) -> str:
    """Text as a column holds it: half characters as U+FFFD, halves that met as the character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
