"""Captures brought through the importer into a store, and the store's tables as plain rows."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pytest

from chatkit.formats import import_recordings
from chatkit.frames import chunks_df, responses_df
from chatkit.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from chatkit.formats import ImportReport

Row = dict[str, Any]
ROUNDING_MS = 1e-6  # both sides subtract the same whole µs, so nothing but float rounding is left between them


@dataclass(frozen=True)
class Imported:
    """A store and its rows by message id; every kind of unknown is None in them."""

    store: Store
    report: ImportReport
    responses: dict[str, Row]
    chunks: dict[str, list[Row]]


def import_captures(paths: Sequence[Path], root: Path) -> Imported:
    """Import the captures into a new store at ``root`` and read its tables."""
    store = Store.create(root)
    report = import_recordings(paths, store)
    chunks: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(chunks_df(store)):
        chunks[row["message_id"]].append(row)
    responses = {row["message_id"]: row for row in _rows(responses_df(store))}
    return Imported(store, report, responses, dict(chunks))


def message_id_of(path: Path, choice: int = 0) -> str:
    """Return the id that the response of a capture gets; each choice is a message of its own."""
    with path.open(encoding="utf-8") as capture:
        recording_id = UUID(json.loads(capture.readline())["id"])
    return str(uuid5(recording_id, f"response-{choice}" if choice else "response"))


def differences(found: Row, expected: Row) -> Row:
    """Return what is not as expected: ``{column: (found, expected)}``; numbers may differ by float rounding."""
    return {name: (found[name], value) for name, value in expected.items() if not _is_equal(found[name], value)}


def _is_equal(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, int | float):
        return bool(found == pytest.approx(expected, rel=1e-9, abs=ROUNDING_MS))
    return bool(found == expected)


def _rows(frame: pd.DataFrame) -> list[Row]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
