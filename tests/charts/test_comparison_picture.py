"""``plot_compare``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from chatkit.charts import plot_compare
from chatkit.metrics import compare

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@pytest.fixture
def comparison() -> pd.DataFrame:
    """One server that is slower, with an interval; one that is too small for one; one that is not known."""
    return pd.DataFrame(
        {
            "server": ["slow", "small", "silent"],
            "metric": "ttft_ms",
            "statistic": "median",
            "baseline": "idle",
            "n_responses": [40, 7, 0],
            "n_contexts": [20, 7, 0],
            "baseline_n_responses": 30,
            "baseline_n_contexts": 30,
            "value": [150.0, 90.0, np.nan],
            "baseline_value": 100.0,
            "difference": [50.0, -10.0, np.nan],
            "difference_low": [20.0, np.nan, np.nan],
            "difference_high": [80.0, np.nan, np.nan],
            "ratio": [1.5, 0.9, np.nan],
            "ratio_low": [1.2, np.nan, np.nan],
            "ratio_high": [1.8, np.nan, np.nan],
            "reason": [None, "fewer than 8 contexts: 7, 30", "fewer than 8 contexts: 0, 30"],
        }
    )


def dots(ax: Axes) -> list[tuple[float, float, bool]]:
    """Each dot: where, in which row, and whether it is filled."""
    found = [line for line in ax.lines if line.get_marker() == "o"]
    return [
        (
            round(float(np.asarray(line.get_xdata())[0]), 6),
            float(np.asarray(line.get_ydata())[0]),
            line.get_markerfacecolor() != "white",
        )
        for line in found
    ]


def intervals(ax: Axes) -> list[tuple[float, float]]:
    segments = [part for lines in ax.collections if isinstance(lines, LineCollection) for part in lines.get_segments()]
    return [(round(float(part[0][0]), 6), round(float(part[1][0]), 6)) for part in segments]


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def rows(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_differences_are_dots_with_their_intervals_about_a_zero_line(comparison: pd.DataFrame) -> None:
    ax = plot_compare(comparison)
    assert dots(ax) == [(50, 0, True), (-10, 1, False)]
    assert intervals(ax) == [(20, 80)]
    (zero,) = [line for line in ax.lines if line.get_marker() == "None"]
    assert list(np.asarray(zero.get_xdata())) == [0, 0]


def test_each_row_says_how_many_and_what_and_why_there_is_no_interval(comparison: pd.DataFrame) -> None:
    ax = plot_compare(comparison)
    assert rows(ax) == [
        "slow\nn = 40 and 30 (20 and 30 contexts)",
        "small\nn = 7 and 30",
        "silent\nn = 0 and 30",
    ]
    assert texts(ax, "difference") == [
        "+50 ms\n+20 to +80",
        "-10 ms\nfewer than 8 contexts: 7, 30",
        "unknown\nfewer than 8 contexts: 0, 30",
    ]
    assert texts(ax, "caption") == ["3 differences, with 95 % intervals · no interval for 2"]
    assert ax.get_title(loc="left") == "Median ttft_ms against idle"
    assert ax.get_xlabel() == "difference (ms)"


def test_several_metrics_stand_on_one_axis_in_percent(comparison: pd.DataFrame) -> None:
    two = comparison.iloc[[0, 0]].assign(metric=["ttft_ms", "stalled_ms"], baseline_value=[100.0, 0.0])
    two.loc[two["metric"] == "stalled_ms", ["ratio", "ratio_low", "ratio_high"]] = np.nan
    ax = plot_compare(two)
    assert dots(ax) == [(50, 0, True)]
    assert intervals(ax) == [(20, 80)]
    assert texts(ax, "difference") == ["+50 %\n+20 to +80", "unknown\nthe baseline is 0"]
    assert [name.split("\n")[0] for name in rows(ax)] == ["slow · ttft_ms", "slow · stalled_ms"]
    assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("change (%)", "Median of 2 metrics against idle")


def test_the_measure_is_an_argument(comparison: pd.DataFrame) -> None:
    assert dots(plot_compare(comparison, of="percent")) == [(50, 0, True), (-10, 1, False)]
    per_s = comparison.assign(metric="tokens_per_s", difference=[5.0, -1.0, np.nan])
    ax = plot_compare(per_s)
    assert (dots(ax)[0][0], ax.get_xlabel()) == (5, "difference (tokens/s)")


def test_what_compare_returns_can_be_drawn() -> None:
    """Forty contexts each, all of one value: the interval is that one difference."""
    frame = pd.DataFrame({"server": ["a"] * 40 + ["b"] * 40, "ttft_ms": [100.0] * 40 + [130.0] * 40})
    ax = plot_compare(compare(frame, "server", "ttft_ms"))
    assert (dots(ax), intervals(ax)) == ([(30, 0, True)], [(30, 30)])
    assert ax.get_title(loc="left") == "Median ttft_ms against a"


def test_more_rows_than_have_room_are_drawn_and_some_named(comparison: pd.DataFrame) -> None:
    many = pd.concat([comparison.iloc[:1]] * 60).assign(server=[f"s{k:02d}" for k in range(60)])
    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    plot_compare(many, ax)
    assert len(dots(ax)) == 60
    assert 10 < len(rows(ax)) < 25
    assert texts(ax, "caption")[0].replace("\n", " · ") == (
        f"60 differences, with 95 % intervals · {len(rows(ax))} of 60 named"
    )


def test_no_comparison_and_none_known_are_pictures_too(comparison: pd.DataFrame) -> None:
    assert texts(plot_compare(comparison.iloc[:0]), "nothing") == ["nothing to draw: no group beside the baseline"]
    assert dots(plot_compare(comparison.iloc[2:])) == []


def test_a_frame_that_compare_did_not_make_is_refused(comparison: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'ratio_low'"):
        plot_compare(comparison.drop(columns="ratio_low"))
