"""``plot_gaps``: what its artists hold."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from chatkit.charts import plot_gaps

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes

STALL_COLOUR = (0xC8 / 255, 0x32 / 255, 0x4A / 255, 1.0)


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.findobj(Text) if text.get_gid() == gid]


def words(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.findobj(Text))


def stems(ax: Axes) -> list[tuple[float, float, bool]]:
    """Every upright line: (when, how high, whether in the colour of stalls)."""
    found = []
    for lines in ax.findobj(LineCollection):
        red = bool(np.allclose(lines.get_color()[0], STALL_COLOUR))
        ends = [np.asarray(segment) for segment in lines.get_segments()]
        found += [(end[1, 0], end[1, 1], red) for end in ends if len(end) and end[0, 0] == end[1, 0]]
    return sorted((round(x, 6), round(y, 6), red) for x, y, red in found)


def test_each_gap_is_a_stem_where_its_chunk_came_and_stalls_are_red(stalled: pd.DataFrame) -> None:
    assert stems(plot_gaps(stalled)) == [
        (0.11, 10.0, False),
        (0.13, 20.0, False),
        (0.16, 30.0, False),
        (0.96, 800.0, True),
        (0.97, 10.0, False),
        (1.37, 400.0, True),
        (1.39, 20.0, False),
    ]


def test_axes_say_what_is_measured_in_which_unit(stalled: pd.DataFrame) -> None:
    ax = plot_gaps(stalled)
    assert ax.get_xlabel() == "seconds since the request"
    assert ax.get_ylabel() == "gap (ms, log scale)"
    assert ax.get_yscale() == "log"


def test_title_says_what_the_stalls_took_and_the_caption_of_what(stalled: pd.DataFrame) -> None:
    ax = plot_gaps(stalled)
    assert ax.get_title(loc="left") == "2 stalls took 1.2 of 1.4 seconds"
    assert texts(ax, "caption") == ["stalled- · 8 chunks"]
    assert plot_gaps(stalled, title="Mine").get_title(loc="left") == "Mine"


def test_notes_show_the_text_on_both_sides(stalled: pd.DataFrame) -> None:
    notes = texts(plot_gaps(stalled), "stall note")
    assert sorted(notes) == [
        "400 ms\n“…w04, w05, w06, | w07, w08,”",
        "800 ms\n“…w02, w03, w04, | w05, w06, w07,…”",
    ]


def test_without_text_no_word_of_the_response_is_in_the_picture(stalled: pd.DataFrame) -> None:
    ax = plot_gaps(stalled, text=False)
    assert sorted(texts(ax, "stall note")) == ["400 ms", "800 ms"]
    assert not any(delta.strip() in words(ax) for delta in stalled["delta"])


def test_a_frame_without_text_is_drawn_without(stalled: pd.DataFrame) -> None:
    assert sorted(texts(plot_gaps(stalled.drop(columns="delta")), "stall note")) == ["400 ms", "800 ms"]


def test_median_and_limit_of_one_response_are_named(stalled: pd.DataFrame) -> None:
    assert set(texts(plot_gaps(stalled), "end label")) == {"median\n20 ms", "stall limit\n250 ms"}


def test_a_limit_above_all_gaps_is_on_the_axis(chunks_at: Callable[..., pd.DataFrame]) -> None:
    ax = plot_gaps(chunks_at("even", *range(0, 200, 10)))
    assert ax.get_title(loc="left") == "No stalls"
    assert ax.get_ylim()[0] < 10.0
    assert ax.get_ylim()[1] > 250.0


def test_zero_gaps_stand_on_a_floor_named_zero(chunks_at: Callable[..., pd.DataFrame]) -> None:
    ax = plot_gaps(chunks_at("m", 10, 20, 20, 30, 40))
    names = dict(zip(ax.get_yticks(), [label.get_text() for label in ax.get_yticklabels()], strict=True))
    (zero,) = [height for height, name in names.items() if name == "0"]
    assert [height for _, height, _ in stems(ax)] == pytest.approx([zero, 10.0, 10.0, 10.0])
    assert ax.get_ylim()[0] < zero < 10.0


def test_an_unknown_request_moves_zero_to_the_first_chunk_and_says_so(stalled: pd.DataFrame) -> None:
    ax = plot_gaps(stalled.assign(offset_ms=np.nan))
    assert ax.get_xlabel() == "seconds since the first chunk (request time unknown)"
    assert stems(ax)[0][0] == 0.01


def test_of_several_responses_gaps_are_points_and_each_median_is_named(
    stalled: pd.DataFrame, chunks_at: Callable[..., pd.DataFrame]
) -> None:
    import pandas as pd  # noqa: PLC0415

    ax = plot_gaps(pd.concat([stalled, chunks_at("even", 0, 40, 80)]))
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [len(np.asarray(line.get_xdata())) for line in points] == [5, 2]
    assert {"stalled-\nmedian 20 ms", "even\nmedian 40 ms"} <= set(texts(ax, "end label"))
    assert ax.get_title(loc="left") == "2 stalls in 1 of 2 responses took 1.2 seconds"


def test_thinning_keeps_the_extremes_and_every_stall_and_is_said(
    chunks_at: Callable[..., pd.DataFrame],
) -> None:
    gaps = np.full(20_000, 10.0)
    gaps[5_000], gaps[9_000] = 200.0, 3_000.0
    ax = plot_gaps(chunks_at("long", *np.cumsum(gaps)))
    drawn = stems(ax)
    assert len(drawn) < 3_100
    assert {(height, red) for _, height, red in drawn} == {(10.0, False), (200.0, False), (3000.0, True)}
    assert f"{len(drawn) - 1:,} of 19,998 gaps drawn" in texts(ax, "caption")[0]


def test_notes_do_not_touch_each_other_and_those_left_out_are_counted(
    chunks_at: Callable[..., pd.DataFrame],
) -> None:
    gaps = np.tile([10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 400.0], 20)
    ax = plot_gaps(chunks_at("m", *np.cumsum(gaps)))
    ax.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.findobj(Text) if text.get_gid() == "stall note"]
    assert not any(a.overlaps(b) for number, a in enumerate(boxes) for b in boxes[:number])
    assert f"{len(boxes)} of 20 stalls named" in texts(ax, "caption")[0]


@pytest.mark.parametrize("size", [(6.4, 3.6), (12.0, 4.5)])
def test_names_at_the_right_touch_neither_each_other_nor_the_edge(
    stalled: pd.DataFrame, size: tuple[float, float]
) -> None:
    fig, ax = plt.subplots(figsize=size, layout="constrained")
    plot_gaps(stalled, ax)
    fig.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.texts if text.get_gid() == "end label"]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])
    assert all(box.x1 <= fig.bbox.x1 for box in boxes)


@pytest.mark.parametrize("delta", ["$x_1$ ", "日本 ", "\x00\n ", "🙂 ", "<b> "])
def test_a_models_text_is_drawn_as_it_is_and_warns_of_nothing(stalled: pd.DataFrame, delta: str) -> None:
    ax = plot_gaps(stalled.assign(delta=delta))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.figure.canvas.draw()
    assert len(texts(ax, "stall note")) == 2


def test_the_axes_given_are_used_and_returned_and_no_other_figure_is_made(stalled: pd.DataFrame) -> None:
    _, ax = plt.subplots()
    assert plot_gaps(stalled, ax) is ax
    assert len(plt.get_fignums()) == 1


def test_matplotlibs_settings_are_as_before_and_nothing_is_shown(
    stalled: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(plt, "show", lambda *_: shown.append(1))
    before = dict(mpl.rcParams)
    plot_gaps(stalled)
    assert dict(mpl.rcParams) == before
    assert shown == []


def test_no_chunks_and_one_chunk_are_pictures_too(
    stalled: pd.DataFrame, chunks_at: Callable[..., pd.DataFrame]
) -> None:
    assert texts(plot_gaps(stalled.iloc[:0]), "caption") == ["no responses · no chunks"]
    for nothing in (stalled.iloc[:0], chunks_at("one", 5)):
        ax = plot_gaps(nothing)
        assert ax.get_title(loc="left") == "No gaps"
        assert texts(ax, "nothing") == ["nothing to draw: no gap is known"]


def test_chunks_without_a_time_are_left_out_and_counted(stalled: pd.DataFrame) -> None:
    stalled.loc[2:4, ["offset_ms", "elapsed_ms", "gap_ms"]] = np.nan
    ax = plot_gaps(stalled)
    assert [x for x, _, _ in stems(ax)] == [0.11, 0.97, 1.37, 1.39]
    assert texts(ax, "caption") == ["stalled- · 5 chunks · 3 chunks without a time left out"]
    everything = plot_gaps(stalled.assign(offset_ms=np.nan, elapsed_ms=np.nan))
    assert texts(everything, "caption") == ["no responses · no chunks · 8 chunks without a time left out"]


def test_many_stalls_leave_the_other_gaps_to_be_seen(chunks_at: Callable[..., pd.DataFrame]) -> None:
    """Stems of 400 stalls would cover the axes: they begin at the limit, where those of other gaps end."""
    gaps = np.tile([10.0] * 9 + [400.0], 400)
    ax = plot_gaps(chunks_at("m", *np.cumsum(gaps)))
    reds = [lines for lines in ax.findobj(LineCollection) if np.allclose(lines.get_color()[0], STALL_COLOUR)]
    (red,) = [lines.get_segments() for lines in reds if len(lines.get_segments()) == 400]
    assert {(round(float(low[1]), 6), round(float(high[1]), 6)) for low, high in red} == {(250.0, 400.0)}


def test_ticks_end_where_the_time_does(stalled: pd.DataFrame) -> None:
    ax = plot_gaps(stalled)
    assert max(ax.get_xticks()) <= 1.39 * 1.01 < ax.get_xlim()[1]


def test_a_missing_clock_is_named(stalled: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'elapsed_ms'"):
        plot_gaps(stalled.drop(columns=["offset_ms", "elapsed_ms"]))
