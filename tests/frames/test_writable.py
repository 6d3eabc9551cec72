"""A table belongs to whoever asked for it: each of its columns can be written to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import chatkit as ck

SAMPLE = Path(__file__).parents[2] / "data" / "store"
_OTHER: dict[str, Any] = {
    "float64": 0.5,
    "int64": 7,
    "Int64": 7,
    "bool": True,
    "str": "x",
    "datetime64[us, UTC]": pd.Timestamp("2026-01-01", tz="UTC"),
}


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("table", [ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df])
def test_every_column_can_be_written_to(table: Any, *, cache: bool) -> None:
    frame = table(SAMPLE, cache=cache)
    untouched = table(SAMPLE, cache=cache)
    for name in frame.columns.difference(["message_id", "context_id"]):
        value = _OTHER[str(frame[name].dtype)]
        frame.loc[0, name] = value
        assert frame.loc[0, name] == value
    pd.testing.assert_frame_equal(table(SAMPLE, cache=cache), untouched)
