"""``plot_prefill``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from chatkit.charts import plot_prefill

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@pytest.fixture
def responses() -> pd.DataFrame:
    """``a`` waits 5 ms and 2 ms a token; ``b`` has two points only, ``c`` three of one length."""
    return pd.DataFrame(
        {
            "server": list("aaabbccc"),
            "prompt_tokens": [110, 120, 30, 10, 40, 70, 70, 70],
            "cached_tokens": pd.array([100, 100, None, 0, 0, 0, 0, 0], dtype="Int64"),
            "ttft_ms": [25.0, 45.0, 65.0, 9.0, 8.0, 30.0, 40.0, 50.0],
        }
    )


def points(ax: Axes, *, joined: bool) -> list[list[list[float]]]:
    """The ends of each fitted line, or the points of each group."""
    lines = [line for line in ax.lines if (line.get_linestyle() != "None") == joined]
    return [np.round(np.asarray(line.get_xydata()), 6).tolist() for line in lines]


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def test_points_are_waits_over_the_tokens_that_were_not_cached(responses: pd.DataFrame) -> None:
    assert points(plot_prefill(responses, by="server"), joined=False) == [
        [[10, 25], [20, 45], [30, 65]],
        [[10, 9], [40, 8]],
        [[70, 30], [70, 40], [70, 50]],
    ]


def test_a_line_goes_through_three_points_of_different_lengths(responses: pd.DataFrame) -> None:
    ax = plot_prefill(responses, by="server")
    assert points(ax, joined=True) == [[[10, 25], [30, 65]]]
    assert set(texts(ax, "end label")) == {"a\nn = 3: 5 + 2 ms/token", "b\nn = 2", "c\nn = 3: no clear slope"}


def test_the_line_is_that_of_least_squares() -> None:
    """By hand: means 2 and 21, sum of (x - 2)(y - 21) = 20 and of (x - 2)^2 = 2, so 10 a token after 1."""
    frame = pd.DataFrame({"prompt_tokens": [1, 2, 3], "ttft_ms": [12.0, 19.0, 32.0]})
    ax = plot_prefill(frame)
    assert points(ax, joined=True) == [[[1, 11], [3, 31]]]
    assert ax.get_title(loc="left") == "Each uncached prompt token adds 10 ms to the wait"
    assert texts(ax, "end label") == ["n = 3\n1 + 10 ms/token"]


def test_a_slope_that_could_be_none_is_not_drawn() -> None:
    """By hand: slope 1, residuals 1, -2, 1, so its standard error is sqrt(6 / 1 / 2) = 1.7 and two of them are more."""
    ax = plot_prefill(pd.DataFrame({"prompt_tokens": [1, 2, 3], "ttft_ms": [3.0, 1.0, 5.0]}))
    assert points(ax, joined=True) == []
    assert texts(ax, "end label") == ["n = 3\nno clear slope"]


def test_what_is_not_known_is_left_out_or_said(responses: pd.DataFrame) -> None:
    ax = plot_prefill(responses.assign(ttft_ms=[np.nan, *responses["ttft_ms"][1:]]), by="server")
    assert texts(ax, "caption") == [
        "7 responses · 1 with an unknown wait or prompt left out\ncached tokens of 1 unknown, taken as none"
    ]
    ax = plot_prefill(responses.drop(columns="cached_tokens"), by="server")
    assert texts(ax, "caption") == ["8 responses · cached tokens of all unknown, taken as none"]


def test_a_line_that_falls_is_not_drawn() -> None:
    """More tokens can't take less time: what falls is the queue, or the load."""
    ax = plot_prefill(pd.DataFrame({"prompt_tokens": [10, 20, 30], "ttft_ms": [900.0, 600.0, 310.0]}))
    assert points(ax, joined=True) == []
    assert texts(ax, "end label") == ["n = 3\nno clear slope"]


def test_more_cached_than_the_prompt_has_is_not_known() -> None:
    frame = pd.DataFrame({"prompt_tokens": [10, 20], "cached_tokens": [11, 5], "ttft_ms": 7.0})
    assert points(plot_prefill(frame), joined=False) == [[[15, 7]]]


def test_axes_begin_at_zero_and_say_their_units(responses: pd.DataFrame) -> None:
    ax = plot_prefill(responses)
    assert (ax.get_xlim()[0], ax.get_ylim()[0]) == (0, 0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("uncached prompt tokens", "time to first token (ms)")


def test_long_names_that_begin_alike_are_told_apart(responses: pd.DataFrame) -> None:
    long = "deployment-of-a-model-with-a-long-name-" + responses["server"] + "-eu-west-quantised-int4"
    names = [
        label.split("\n")[0] for label in texts(plot_prefill(responses.assign(server=long), by="server"), "end label")
    ]
    assert sorted(name[:6] for name in names) == ["…ame-a", "…ame-b", "…ame-c"]
    assert max(map(len, names)) <= 28


@pytest.mark.parametrize("lost", ["rows", "ttft_ms", "prompt_tokens"])
def test_nothing_known_is_said(responses: pd.DataFrame, lost: str) -> None:
    ax = plot_prefill(responses.iloc[:0] if lost == "rows" else responses.assign(**{lost: np.nan}), by="server")
    assert texts(ax, "nothing") == ["nothing to draw: no response with a known ttft_ms and prompt_tokens"]
    assert not ax.lines


def test_a_missing_column_is_named(responses: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'prompt_tokens'"):
        plot_prefill(responses.drop(columns="prompt_tokens"))
