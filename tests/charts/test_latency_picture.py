"""``plot_latency``: what its artists hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.charts import plot_latency


@pytest.fixture
def responses() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scenario": ["idle"] * 4 + ["busy"] * 2 + ["lost"],
            "ttft_ms": [40.0, 10.0, 20.0, 30.0, 400.0, 300.0, np.nan],
        }
    )


def test_each_group_is_a_curve_of_shares_in_ascending_order(responses: pd.DataFrame) -> None:
    ax = plot_latency(responses, "ttft_ms", by="scenario")
    curves = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    found = [(np.asarray(c.get_xdata()).tolist(), np.asarray(c.get_ydata()).tolist()) for c in curves]
    assert found == [
        ([300, 300, 400], [0, 0.5, 1]),
        ([10, 10, 20, 30, 40], [0, 0.25, 0.5, 0.75, 1]),
    ]


def test_percentiles_are_marked_where_they_are(responses: pd.DataFrame) -> None:
    ax = plot_latency(responses.iloc[:4])
    marks = {
        str(line.get_marker()): (float(np.asarray(line.get_xdata())[0]), float(np.asarray(line.get_ydata())[0]))
        for line in ax.lines
        if line.get_marker() != "None"
    }
    # Four values: p50 half way from 20 to 30, p90 0.7 and p99 0.97 of the way from 30 to 40.
    assert {mark: pytest.approx(at) for mark, at in marks.items()} == {
        "o": (25.0, 0.5),
        "s": (37.0, 0.9),
        "^": (39.7, 0.99),
    }


def test_groups_are_named_with_number_and_median_and_the_unknown_counted(responses: pd.DataFrame) -> None:
    ax = plot_latency(responses, by="scenario")
    names = {text.get_text() for text in ax.texts if text.get_gid() == "end label"}
    assert names == {"idle\nn = 4, median 25 ms", "busy\nn = 2, median 350 ms"}
    (caption,) = [text.get_text() for text in ax.texts if text.get_gid() == "caption"]
    assert caption == "6 responses · ● p50  ■ p90  ▲ p99 · 1 unknown value left out"


def test_the_axis_is_logarithmic_where_values_differ_much(responses: pd.DataFrame) -> None:
    assert plot_latency(responses).get_xscale() == "log"
    assert plot_latency(responses).get_xlabel() == "time to first token (ms), log scale"
    assert plot_latency(responses.iloc[:4]).get_xscale() == "linear"
    assert plot_latency(responses.assign(ttft_ms=range(7))).get_xscale() == "linear"


def test_no_responses_are_a_picture_too(responses: pd.DataFrame) -> None:
    assert len(plot_latency(responses.iloc[:0], by="scenario").lines) == 0


def test_a_missing_column_is_named(responses: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'tpot_ms'"):
        plot_latency(responses, "tpot_ms")
