"""``plot_usage``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.container import BarContainer

from chatkit.charts import plot_usage

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@pytest.fixture
def responses() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "context_id": ["small", "big", "big", "silent"],
            "turn": [0, 0, 1, 0],
            "prompt_tokens": pd.array([10, 100, 300, None], dtype="Int64"),
            "cached_tokens": pd.array([None, 0, 90, None], dtype="Int64"),
            "completion_tokens": pd.array([5, 20, 30, None], dtype="Int64"),
            "reasoning_tokens": pd.array([None, None, 12, None], dtype="Int64"),
        }
    )


def bars(ax: Axes) -> list[list[tuple[float, float]]]:
    """The bars of each kind, from the left: (from, to) of each row."""
    return [
        [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in kind]
        for kind in ax.containers
        if isinstance(kind, BarContainer)
    ]


def names(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def test_each_token_is_in_one_kind(responses: pd.DataFrame) -> None:
    """big: 90 cached of 400, then 30 answer and 12 reasoning within 50; small: 10 and 5."""
    ax = plot_usage(responses)
    assert names(ax) == ["big", "small"]
    assert bars(ax) == [[(0, 90), (0, 0)], [(90, 400), (0, 10)], [(400, 438), (10, 15)], [(438, 450), (15, 15)]]
    assert texts(ax, "total") == ["450", "15"]
    assert ax.get_title(loc="left") == "465 tokens, 22% of the input cached"


def test_a_response_without_usage_is_left_out_and_counted(responses: pd.DataFrame) -> None:
    assert texts(plot_usage(responses), "caption") == ["3 responses in 2 groups · 1 without usage left out"]


def test_turns_stand_in_their_order_and_not_by_size(responses: pd.DataFrame) -> None:
    ax = plot_usage(responses, by="turn")
    assert (names(ax), texts(ax, "total"), ax.get_ylabel()) == (["0", "1"], ["135", "330"], "turn")


def test_reasoning_is_named_only_where_it_is_known(responses: pd.DataFrame) -> None:
    for frame, kinds in ((responses, 4), (responses.drop(columns="reasoning_tokens"), 3)):
        legend = plot_usage(frame).get_legend()
        assert legend is not None
        words = ["cached input", "uncached input", "output", "reasoning"]
        assert [text.get_text() for text in legend.get_texts()] == words[:kinds]


def test_groups_without_room_share_a_last_bar_that_is_their_mean() -> None:
    frame = pd.DataFrame(
        {"context_id": [f"c{k:02d}" for k in range(93)], "prompt_tokens": range(93), "completion_tokens": 1}
    )
    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    plot_usage(frame, ax=ax)
    shown = names(ax)
    n_shared = 93 - (len(shown) - 1)
    assert shown[:2] == ["c92", "c91"]
    assert shown[-1] == f"and {n_shared} more, each"
    assert 10 < len(shown) < 25
    # Those left have 0, 1, … prompt tokens and one of output: on average half of the last, and one.
    assert bars(ax)[2][-1][1] == pytest.approx((n_shared - 1) / 2 + 1)
    assert texts(ax, "caption") == [f"93 responses in 93 groups · last bar: mean of {n_shared}"]


def test_ids_are_named_by_their_beginning_and_several_columns_together(responses: pd.DataFrame) -> None:
    ids = responses.assign(context_id="ea326407-ebed-5f9f-bbfe-efbdd6c59178")
    assert names(plot_usage(ids, by=["context_id", "turn"])) == ["ea326407 · 1", "ea326407 · 0"]


@pytest.mark.parametrize("lost", ["rows", "prompt_tokens", "completion_tokens"])
def test_nothing_known_is_said(responses: pd.DataFrame, lost: str) -> None:
    responses[[] if lost == "rows" else [lost]] = pd.NA
    ax = plot_usage(responses.iloc[:0] if lost == "rows" else responses)
    assert texts(ax, "nothing") == ["nothing to draw: no response with usage"]
    assert sum(map(len, bars(ax))) == 0


def test_a_missing_column_is_named(responses: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'completion_tokens'"):
        plot_usage(responses.drop(columns="completion_tokens"))
    with pytest.raises(KeyError, match="no column 'scenario'"):
        plot_usage(responses, by="scenario")
