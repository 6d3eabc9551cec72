"""``summarize``: its shape, and its figures against numpy and against sums done by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import summarize

COLUMNS = ["metric", "count", "missing", "mean", "p50", "p90", "p95", "p99", "max"]


@pytest.fixture
def responses() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["b", "a", None, "a", "b"],
            "scenario": ["idle", "idle", "idle", "busy", "idle"],
            "ttft_ms": [10.0, 20.0, 30.0, np.nan, 50.0],
            "prompt_tokens": pd.array([5, None, 7, 8, 9], dtype="Int64"),
            "tpot_ms": np.nan,
        }
    )


def test_without_groups_there_is_one_row_a_metric_in_the_order_asked_for(responses: pd.DataFrame) -> None:
    table = summarize(responses, ["ttft_ms", "prompt_tokens"])
    assert table.columns.tolist() == COLUMNS
    assert table["metric"].tolist() == ["ttft_ms", "prompt_tokens"]


def test_percentiles_are_linear_between_neighbours(responses: pd.DataFrame) -> None:
    row = summarize(responses, "ttft_ms").iloc[0]
    known = [10.0, 20.0, 30.0, 50.0]
    assert (row["count"], row["missing"], row["mean"], row["max"]) == (4, 1, 27.5, 50.0)
    # p90 of four values is 0.7 of the way from the third to the fourth: 30 + 0.7 * 20
    assert row["p50"] == pytest.approx(25.0)
    assert row["p90"] == pytest.approx(44.0)
    assert row[["p95", "p99"]].tolist() == pytest.approx(np.percentile(known, [95, 99]).tolist())


def test_groups_are_ascending_with_a_missing_key_last(responses: pd.DataFrame) -> None:
    table = summarize(responses, ["ttft_ms", "prompt_tokens"], by="model")
    assert table.columns.tolist() == ["model", *COLUMNS]
    assert table["model"].fillna("NA").tolist() == ["a", "a", "b", "b", "NA", "NA"]
    assert table["metric"].tolist() == ["ttft_ms", "prompt_tokens"] * 3
    assert table["mean"].tolist() == [20.0, 8.0, 30.0, 7.0, 30.0, 7.0]


def test_two_keys_make_one_group_per_pair_that_occurs(responses: pd.DataFrame) -> None:
    table = summarize(responses, "ttft_ms", by=["scenario", "model"])
    assert table["scenario"].tolist() == ["busy", "idle", "idle", "idle"]
    assert table["count"].tolist() == [0, 1, 2, 1]


def test_a_categorical_key_keeps_its_order_and_type_and_shows_no_unused_category(
    responses: pd.DataFrame,
) -> None:
    order = pd.CategoricalDtype(["idle", "queued", "busy"])
    table = summarize(responses.astype({"scenario": order}), "ttft_ms", by="scenario")
    assert table["scenario"].tolist() == ["idle", "busy"]
    assert table["scenario"].dtype == order


def test_a_metric_that_is_never_known_counts_nothing(responses: pd.DataFrame) -> None:
    row = summarize(responses, "tpot_ms").iloc[0]
    assert (row["count"], row["missing"]) == (0, 5)
    assert row[["mean", "p50", "p90", "p95", "p99", "max"]].isna().all()


def test_an_empty_frame_gives_no_rows_and_the_same_columns(responses: pd.DataFrame) -> None:
    for by in (None, "model", ["model", "scenario"]):
        table = summarize(responses.iloc[:0], "ttft_ms", by=by)
        full = summarize(responses, "ttft_ms", by=by)
        assert len(table) == 0
        assert table.columns.tolist() == full.columns.tolist()


def test_the_main_figures_are_those_that_the_frame_has(responses: pd.DataFrame) -> None:
    assert summarize(responses)["metric"].tolist() == ["ttft_ms", "tpot_ms"]


@pytest.mark.parametrize(
    ("metrics", "by", "error", "says"),
    [
        ("ttft", None, KeyError, "no column 'ttft'; there are model, scenario, ttft_ms"),
        ("ttft_ms", "turn", KeyError, "no column 'turn'"),
        ("model", None, ValueError, "'model' is not numeric"),
        ([], None, ValueError, "metrics is empty"),
    ],
)
def test_what_cannot_be_asked_is_said(
    responses: pd.DataFrame, metrics: str | list[str], by: str | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        summarize(responses, metrics, by=by)


def test_a_group_cannot_be_called_like_a_result_column(responses: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="rename it"):
        summarize(responses.rename(columns={"model": "count"}), "ttft_ms", by="count")


def test_no_main_figure_at_all_is_said() -> None:
    with pytest.raises(KeyError, match="no column 'ttft_ms'"):
        summarize(pd.DataFrame({"model": ["a"]}))
