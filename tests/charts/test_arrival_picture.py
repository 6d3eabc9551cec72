"""``plot_arrival``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from chatkit.charts import plot_arrival

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def curves(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_drawstyle() == "steps-post"]


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def test_the_curve_begins_at_the_request_and_rises_by_each_chunk(stalled: pd.DataFrame) -> None:
    (curve,) = curves(plot_arrival(stalled))
    assert np.asarray(curve.get_xdata()).tolist() == pytest.approx([0, 0.1, 0.11, 0.13, 0.16, 0.96, 0.97, 1.37, 1.39])
    assert np.asarray(curve.get_ydata()).tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40]


def test_numbers_in_columns_of_objects_are_drawn_alike(stalled: pd.DataFrame) -> None:
    drawn, alike = (
        np.asarray(curves(plot_arrival(frame))[0].get_ydata()) for frame in (stalled, stalled.astype("object"))
    )
    assert drawn.tolist() == alike.tolist()


def test_chunks_can_be_counted_instead_of_characters(stalled: pd.DataFrame) -> None:
    ax = plot_arrival(stalled.drop(columns="n_chars"), of="chunks")
    assert np.asarray(curves(ax)[0].get_ydata()).tolist() == list(range(9))
    assert ax.get_ylabel() == "chunks arrived"
    assert ax.get_title(loc="left") == "How the chunks arrived"


def test_stalls_are_red_levels(stalled: pd.DataFrame) -> None:
    (levels,) = plot_arrival(stalled).findobj(LineCollection)
    assert isinstance(levels, LineCollection)
    ends = [np.asarray(segment).round(6).tolist() for segment in levels.get_segments()]
    assert ends == [[[0.16, 20.0], [0.96, 20.0]], [[0.97, 30.0], [1.37, 30.0]]]


def test_a_dot_marks_the_first_chunk(stalled: pd.DataFrame) -> None:
    (dot,) = [line for line in plot_arrival(stalled).lines if line.get_marker() == "o"]
    assert (np.asarray(dot.get_xdata()).tolist(), np.asarray(dot.get_ydata()).tolist()) == ([0.1], [5])


def test_one_unknown_request_puts_all_on_the_clock_of_their_first_chunks(
    stalled: pd.DataFrame, chunks_at: Callable[..., pd.DataFrame]
) -> None:
    ax = plot_arrival(pd.concat([stalled, chunks_at("old", 7, 9, offset_ms=np.nan)]))
    assert ax.get_xlabel() == "seconds since the first chunk (request time unknown)"
    assert [np.asarray(curve.get_xdata())[0] for curve in curves(ax)] == [0.0, 0.0]
    assert np.asarray(curves(ax)[0].get_ydata())[0] == 5


def test_responses_are_named_by_the_beginning_of_their_ids(
    stalled: pd.DataFrame, chunks_at: Callable[..., pd.DataFrame]
) -> None:
    ax = plot_arrival(pd.concat([stalled, chunks_at("even", 0, 40, 80)]))
    assert set(texts(ax, "end label")) == {"stalled-", "even"}
    assert texts(ax, "caption") == ["2 responses · 11 chunks · dots mark the first chunk"]


def test_responses_of_one_label_share_a_colour_and_a_name(chunks_at: Callable[..., pd.DataFrame]) -> None:
    frames = [
        chunks_at("a", 0, 10, scenario="idle"),
        chunks_at("b", 0, 30, scenario="busy"),
        chunks_at("c", 0, 20, scenario="idle"),
        chunks_at("d", 0, 25, scenario=None),
    ]
    ax = plot_arrival(pd.concat(frames), label="scenario")
    idle, busy, unknown = curves(ax)
    assert len({curve.get_color() for curve in (idle, busy, unknown)}) == 3
    # Both of one name are one line, with a break between them.
    assert np.asarray(idle.get_xdata()).tolist() == pytest.approx([0, 0, 0.01, np.nan, 0, 0, 0.02], nan_ok=True)
    assert np.asarray(idle.get_ydata()).tolist() == pytest.approx([0, 5, 10, np.nan, 0, 5, 10], nan_ok=True)
    assert set(texts(ax, "end label")) == {"idle, n = 2", "busy", "unknown"}


@pytest.mark.parametrize("size", [(6.4, 3.6), (12.0, 4.5)])
@pytest.mark.parametrize("n", [1, 4, 20, 60])
def test_names_touch_neither_each_other_nor_the_edge_and_those_left_out_are_counted(
    chunks_at: Callable[..., pd.DataFrame], size: tuple[float, float], n: int
) -> None:
    frames = [chunks_at(f"a-rather-long-name-of-a-model-{k}", 0, 40, 80 + k % 3) for k in range(n)]
    fig, ax = plt.subplots(figsize=size, layout="constrained")
    plot_arrival(pd.concat(frames), ax, label="message_id")
    fig.canvas.draw()
    names = [text for text in ax.texts if text.get_gid() == "end label"]
    boxes = [Text.get_window_extent(text) for text in names]
    assert not any(a.overlaps(b) for number, a in enumerate(boxes) for b in boxes[:number])
    assert all(box.x1 <= fig.bbox.x1 + 1 for box in boxes)
    if len(names) < n:
        assert f"{len(names)} of {n} named" in texts(ax, "caption")[0]


def test_thinning_leaves_the_end_of_the_curve_where_it_was(chunks_at: Callable[..., pd.DataFrame]) -> None:
    (curve,) = curves(plot_arrival(chunks_at("long", *np.arange(1.0, 20_001.0))))
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert len(x) <= 1_502
    assert (x[-1], y[-1]) == (20.0, 100_000)
    # Chunk k comes k ms after the request and is the k-th of five characters: each point kept is true.
    assert y[1:] == pytest.approx(x[1:] * 5_000)


def test_a_name_with_a_dollar_is_no_formula(chunks_at: Callable[..., pd.DataFrame]) -> None:
    ax = plot_arrival(chunks_at("$a$", 0, 10), title="$5 a month$")
    ax.figure.canvas.draw()
    assert ax.get_title(loc="left") == "$5 a month$"
    assert texts(ax, "end label") == ["$a$"]


def test_no_chunks_are_a_picture_too(stalled: pd.DataFrame) -> None:
    assert curves(plot_arrival(stalled.iloc[:0])) == []


def test_a_missing_column_is_named(stalled: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'scenario'"):
        plot_arrival(stalled, label="scenario")
    with pytest.raises(KeyError, match="no column 'n_chars'"):
        plot_arrival(stalled.drop(columns="n_chars"))
