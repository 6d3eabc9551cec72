"""``goodput``: each rule of what is met, missed and undetermined, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import PRESETS, goodput

START = pd.Timestamp("2026-01-01T00:00:00Z")


def response(**known: Any) -> dict[str, Any]:
    lasted_ms = known.pop("lasted_ms", 1000)
    return {
        "status": "complete",
        "started_at": START,
        "completed_at": START + pd.Timedelta(lasted_ms, "ms"),
        "ttft_ms": 100.0,
        "tpot_ms": 10.0,
        "e2e_ms": 1000.0,
        "n_chunks": 5,
    } | known


ABORTED = {"status": "aborted", "tpot_ms": np.nan, "e2e_ms": np.nan}


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({}, "met"),
        ({"ttft_ms": 500.0, "tpot_ms": 50.0, "e2e_ms": 2000.0}, "met"),
        ({"ttft_ms": 500.1}, "missed"),
        ({"tpot_ms": 50.1}, "missed"),
        ({"e2e_ms": 2000.1}, "missed"),
        ({"tpot_ms": np.nan}, "undetermined"),
        ({"ttft_ms": 501.0, "tpot_ms": np.nan}, "missed"),
        ({"status": "error", "e2e_ms": np.nan}, "missed"),
        ({"status": "interrupted", "e2e_ms": np.nan}, "missed"),
        ({"status": "streaming", "e2e_ms": np.nan, "completed_at": pd.NaT}, "undetermined"),
        (ABORTED, "undetermined"),
        (ABORTED | {"ttft_ms": 600.0}, "missed"),
        (ABORTED | {"lasted_ms": 2001}, "missed"),
        (ABORTED | {"ttft_ms": np.nan, "n_chunks": 0, "lasted_ms": 499}, "undetermined"),
        (ABORTED | {"ttft_ms": np.nan, "n_chunks": 0, "lasted_ms": 501}, "missed"),
        (ABORTED | {"ttft_ms": np.nan, "lasted_ms": 501}, "undetermined"),
    ],
)
def test_each_response_gets_one_verdict(known: dict[str, Any], verdict: str) -> None:
    row = goodput(pd.DataFrame([response(**known)]), ttft_ms=500, tpot_ms=50, e2e_ms=2000).iloc[0]
    assert {name for name in ("met", "missed", "undetermined") if row[name]} == {verdict}


def test_the_share_leaves_the_undetermined_out_and_is_unknown_without_any_other() -> None:
    frame = pd.DataFrame([response(), response(), response(ttft_ms=9e9), response(tpot_ms=np.nan) | {"model": "b"}])
    table = goodput(frame.fillna({"model": "a"}), tpot_ms=50, ttft_ms=500, by="model")
    assert table.columns.tolist() == ["model", "met", "missed", "undetermined", "share"]
    assert table.iloc[0].tolist() == ["a", 2, 1, 0, pytest.approx(2 / 3)]
    assert table.iloc[1].tolist()[:4] == ["b", 0, 0, 1]
    assert np.isnan(table.iloc[1]["share"])


def test_a_preset_is_two_limits_and_one_given_beside_it_wins() -> None:
    frame = pd.DataFrame([response(ttft_ms=500.0, tpot_ms=30.0), response(ttft_ms=501.0), response(tpot_ms=31)])
    assert goodput(frame, preset="llama3.1-8b-interactive")["met"].tolist() == [1]
    assert goodput(frame, preset="llama3.1-8b-interactive", ttft_ms=600)["met"].tolist() == [2]
    assert PRESETS["deepseek-r1-interactive"] == {"ttft_ms": 1500.0, "tpot_ms": 15.0}


def test_without_aborts_no_more_columns_are_needed() -> None:
    frame = pd.DataFrame({"status": "complete", "ttft_ms": [1.0, 3.0]})
    assert goodput(frame, ttft_ms=2)[["met", "missed"]].to_numpy().tolist() == [[1, 1]]


def test_an_empty_frame_gives_no_rows_and_the_same_columns() -> None:
    frame = pd.DataFrame([response()])
    assert goodput(frame.iloc[:0], ttft_ms=1).columns.tolist() == goodput(frame, ttft_ms=1).columns.tolist()
    assert goodput(frame.iloc[:0], ttft_ms=1).empty


def test_what_cannot_be_asked_is_said() -> None:
    frame = pd.DataFrame([response()])
    with pytest.raises(ValueError, match="no limit"):
        goodput(frame)
    with pytest.raises(ValueError, match="no preset 'gpt': there are llama2-70b, "):
        goodput(frame, preset="gpt")
    with pytest.raises(KeyError, match="no column 'e2e_ms'"):
        goodput(frame.drop(columns="e2e_ms"), e2e_ms=5)


def test_a_status_that_is_not_known_is_undetermined_whatever_its_type() -> None:
    started = pd.to_datetime([0, 0, 0], unit="s", utc=True)
    frame = pd.DataFrame(
        {
            "status": pd.array(["complete", None, "aborted"], dtype="string"),
            "ttft_ms": [300.0, 300.0, np.nan],
            "started_at": started,
            "completed_at": started + pd.Timedelta(9, unit="s"),
            "n_chunks": pd.array([5, None, None], dtype="Int64"),
        }
    )
    assert goodput(frame, ttft_ms=500)[["met", "missed", "undetermined"]].to_numpy().tolist() == [[1, 0, 2]]


@pytest.mark.parametrize("limit", [-5, 0, float("nan"), "500"])
def test_a_limit_that_no_time_can_meet_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="ttft_ms has to be above 0"):
        goodput(pd.DataFrame({"status": ["complete"], "ttft_ms": [1.0]}), ttft_ms=limit)
