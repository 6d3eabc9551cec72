"""``throughput``: tokens over the union of spans, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import throughput


@pytest.fixture
def responses() -> pd.DataFrame:
    """Spans 0-10 with 2-4 inside it, 9-12 over its end, and, after a quiet night, 100-104."""
    return pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "started_at": pd.to_datetime([0, 2, 9, 100], unit="s", utc=True),
            "completed_at": pd.to_datetime([10, 4, 12, 104], unit="s", utc=True),
            "completion_tokens": pd.array([80, 40, 120, 80], dtype="Int64"),
        }
    )


def test_the_busy_time_is_the_union_of_the_spans(responses: pd.DataFrame) -> None:
    row = throughput(responses).iloc[0]
    assert (row["busy_s"], row["window_s"], row["completion_tokens"]) == (16.0, 104.0, 320)
    assert row["busy_tokens_per_s"] == 20.0
    assert row["window_tokens_per_s"] == pytest.approx(320 / 104)


def test_each_group_has_its_own_union(responses: pd.DataFrame) -> None:
    table = throughput(responses, by="model")
    assert table["model"].tolist() == ["a", "b"]
    assert table["busy_s"].tolist() == [10.0, 7.0]
    assert table["busy_tokens_per_s"].tolist() == pytest.approx([12.0, 200 / 7])


def test_a_response_without_usage_or_end_is_missing_and_in_no_figure(responses: pd.DataFrame) -> None:
    responses.loc[3, "completion_tokens"] = pd.NA
    responses.loc[2, "completed_at"] = pd.NaT
    row = throughput(responses).iloc[0]
    assert (row["count"], row["missing"], row["busy_s"], row["completion_tokens"]) == (2, 2, 10.0, 120)


def test_a_rate_over_no_time_is_unknown(responses: pd.DataFrame) -> None:
    row = throughput(responses.assign(completion_tokens=np.nan)).iloc[0]
    assert (row["count"], row["busy_s"], row["completion_tokens"]) == (0, 0.0, 0)
    assert np.isnan(row["busy_tokens_per_s"])


def test_an_empty_frame_gives_no_rows_and_the_same_columns(responses: pd.DataFrame) -> None:
    empty = throughput(responses.iloc[:0], by="model")
    assert empty.empty
    assert empty.columns.tolist() == throughput(responses, by="model").columns.tolist()


def test_a_missing_column_is_named(responses: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'completion_tokens'"):
        throughput(responses.drop(columns="completion_tokens"))
