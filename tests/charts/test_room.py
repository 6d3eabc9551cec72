"""Whatever a frame holds and however small the axes: every word of a picture stays inside, and none hides another."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from chatkit.charts import (
    plot_arrival,
    plot_compare,
    plot_gaps,
    plot_latency,
    plot_pace,
    plot_prefill,
    plot_timeline,
    plot_usage,
)
from chatkit.metrics import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    Picture = Callable[..., Axes]

SIZES = [(4.0, 2.5), (9.0, 4.2)]
GROUPS = [f"organisation/some-very-long-model-name-7b-instruct-{number:02d}-imatrix" for number in range(20)]


@pytest.fixture
def responses() -> pd.DataFrame:
    """Nine responses in each of twenty groups with long names."""
    n = 9 * len(GROUPS)
    at = np.arange(n)
    started = pd.Timestamp("2026-01-01T00:00:00Z") + pd.to_timedelta(at % 40, unit="s")
    return pd.DataFrame(
        {
            "message_id": [f"{number:08x}-m" for number in at],
            "context_id": [f"c{number}" for number in at],
            "group": np.repeat(GROUPS, 9),
            "started_at": started,
            "completed_at": started + pd.to_timedelta(2, unit="s"),
            "ttft_ms": 100.0 + at * 7 % 500,
            "streaming_ms": 1500.0,
            "prompt_tokens": 50 + at * 3,
            "cached_tokens": at,
            "completion_tokens": 80,
        }
    )


@pytest.fixture
def chunks() -> pd.DataFrame:
    """Twenty responses with long names, of forty chunks each, one with a stall."""
    rng = np.random.default_rng(1)
    gap = rng.uniform(5, 60, (20, 40))
    gap[3, 20] = 900
    offset = gap.cumsum(axis=1)
    frame = pd.DataFrame({"message_id": np.repeat([f"{number:08x}-m" for number in range(20)], 40)})
    return frame.assign(
        group=np.repeat(GROUPS, 40),
        sequence=np.tile(np.arange(1, 41), 20),
        delta="words ",
        offset_ms=offset.ravel(),
        elapsed_ms=(offset - offset[:, :1]).ravel(),
        gap_ms=np.where(np.tile(np.arange(40), 20) == 0, np.nan, gap.ravel()),
        n_chars=6,
    )


def pictures(responses: pd.DataFrame, chunks: pd.DataFrame) -> dict[str, tuple[Picture, dict[str, Any]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few contexts: not what is looked at here
        comparison = compare(responses, by="group", metrics="ttft_ms")
    return {
        "gaps": (plot_gaps, {"chunks": chunks}),
        "arrival": (plot_arrival, {"chunks": chunks, "label": "group"}),
        "pace": (plot_pace, {"chunks": chunks, "label": "group"}),
        "latency": (plot_latency, {"responses": responses, "by": "group"}),
        "timeline": (plot_timeline, {"responses": responses.iloc[:20], "label": "group"}),
        "prefill": (plot_prefill, {"responses": responses, "by": "group"}),
        "usage": (plot_usage, {"responses": responses, "by": "group"}),
        "compare": (plot_compare, {"comparison": comparison}),
    }


NAMES = ["gaps", "arrival", "pace", "latency", "timeline", "prefill", "usage", "compare"]


def written(ax: Axes) -> list[Text]:
    """Every word that is seen: title, caption, names at both sides, notes."""
    ticks = [label for label in [*ax.get_yticklabels()] if label.get_visible()]
    return [text for text in [ax.title, ax._left_title, *ax.texts, *ticks] if text.get_text()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", SIZES, ids=["small", "wide"])
@pytest.mark.parametrize("name", NAMES)
def test_twenty_groups_with_long_names_have_room(
    name: str, size: tuple[float, float], responses: pd.DataFrame, chunks: pd.DataFrame
) -> None:
    plot, given = pictures(responses, chunks)[name]
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    plot(ax=ax, **given)
    figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in written(ax)]
    assert len(boxes) > 2
    assert all(box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 for box in boxes)
    # Letters have air above and below them: what overlaps by less than that does not touch.
    touching = [(a, b) for a, b in combinations(boxes, 2) if a.shrunk(0.98, 0.7).overlaps(b.shrunk(0.98, 0.7))]
    assert touching == []


@pytest.mark.parametrize("what", ["empty", "unknown", "one"])
@pytest.mark.parametrize("name", NAMES)
def test_no_row_nothing_known_and_one_row_are_pictures(
    name: str, what: str, responses: pd.DataFrame, chunks: pd.DataFrame
) -> None:
    plot, given = pictures(responses, chunks)[name]
    frame_name = next(iter(given))
    frame = given[frame_name]
    figures = [
        column for column in frame.columns if column not in {"sequence", "n_chars"} and frame[column].dtype.kind in "fi"
    ]
    given[frame_name] = {
        "empty": frame.iloc[:0],
        "unknown": frame.astype(dict.fromkeys(figures, "float64")).assign(**dict.fromkeys(figures, np.nan))
        if name != "compare"
        else frame.assign(**{column: np.nan for column in figures if column.startswith(("difference", "ratio"))}),
        "one": frame.iloc[:1],
    }[what]
    figure, ax = plt.subplots(figsize=SIZES[0], layout="constrained")
    plot(ax=ax, **given)
    figure.canvas.draw()
    says_nothing = any(text.get_gid() == "nothing" for text in ax.texts)
    if what == "empty":
        assert says_nothing
    assert says_nothing or ax.get_xlim()[0] < ax.get_xlim()[1]
    assert all(Text.get_window_extent(text).x1 <= figure.bbox.x1 + 1 for text in written(ax))


@pytest.mark.parametrize("size", [*SIZES, (6.4, 4.8)])
def test_a_note_at_a_late_stall_leaves_the_names_at_the_right_alone(
    size: tuple[float, float], chunks: pd.DataFrame
) -> None:
    """Five responses, each named at the right, that stall where their clock ends."""
    last = chunks["sequence"].eq(40)
    late = chunks[chunks["message_id"].isin(chunks["message_id"].unique()[4:9])].copy()
    late.loc[last, ["offset_ms", "elapsed_ms"]] += 900
    late.loc[last, "gap_ms"] += 900
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    plot_gaps(late, ax)
    figure.canvas.draw()
    notes, names = (
        [Text.get_window_extent(text) for text in ax.texts if text.get_gid() == gid]
        for gid in ("stall note", "end label")
    )
    assert notes
    assert names
    assert not any(note.overlaps(name) for note in notes for name in names)


@pytest.mark.parametrize("plot", [plot_gaps, plot_arrival, plot_pace])
def test_long_clocks_have_their_thousands_parted(plot: Picture, chunks: pd.DataFrame) -> None:
    one = chunks[chunks["message_id"].eq(chunks["message_id"].iloc[0])]
    times = ["offset_ms", "elapsed_ms", "gap_ms"]
    ax = plot(one.assign(**{name: one[name] * 10_000 for name in times}))
    ax.figure.canvas.draw()
    assert "10,000" in [label.get_text() for label in ax.get_xticklabels()]


def test_a_dark_style_of_the_session_makes_no_dark_ground_for_dark_letters(responses: pd.DataFrame) -> None:
    with plt.style.context("dark_background"):
        ax = plot_latency(responses)
    assert to_hex(ax.get_facecolor()) == to_hex(ax.figure.get_facecolor()) == "#ffffff"
