"""Thousands of responses: a picture does not take minutes, and what it leaves out is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from chatkit.charts import plot_arrival, plot_gaps, plot_timeline, plot_usage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N, PER = 2_000, 20


@pytest.fixture(scope="module")
def chunks() -> pd.DataFrame:
    """Twenty chunks of each response, 10 to 90 ms apart; every response stalls for 1 s before its last."""
    gap = np.random.default_rng(0).uniform(10, 90, (N, PER))
    gap[:, 0], gap[:, -1] = 100, 1000
    offset = gap.cumsum(axis=1)
    return pd.DataFrame(
        {
            "message_id": np.repeat([f"{number:08x}-m" for number in range(N)], PER),
            "sequence": np.tile(np.arange(1, PER + 1), N),
            "delta": "words ",
            "offset_ms": offset.ravel(),
            "elapsed_ms": (offset - 100).ravel(),
            "gap_ms": np.where(np.tile(np.arange(PER), N) == 0, np.nan, gap.ravel()),
            "n_chars": 6,
        }
    )


@pytest.fixture(scope="module")
def responses(chunks: pd.DataFrame) -> pd.DataFrame:
    """One a second."""
    last = chunks.groupby("message_id")["elapsed_ms"].max()
    started = pd.Timestamp("2026-01-01T00:00:00Z") + pd.to_timedelta(np.arange(N), unit="s")
    ended = started + pd.to_timedelta(last.to_numpy() + 100, unit="ms")
    times = {"started_at": started, "completed_at": ended, "ttft_ms": 100.0, "streaming_ms": last.to_numpy()}
    return pd.DataFrame({"message_id": last.index, **times, "prompt_tokens": 50, "completion_tokens": np.arange(N)})


def caption(ax: Axes) -> str:
    (found,) = [text.get_text() for text in ax.texts if text.get_gid() == "caption"]
    return found.replace("\n", " · ")


def test_no_picture_has_an_artist_for_each_response(chunks: pd.DataFrame, responses: pd.DataFrame) -> None:
    """Matplotlib takes ms for one: with it, 20,000 responses took more than three minutes."""
    pictures = plot_arrival(chunks), plot_gaps(chunks), plot_timeline(responses, chunks)
    assert [len(ax.get_children()) < 200 for ax in pictures] == [True] * 3


def test_every_response_and_every_stall_is_drawn(chunks: pd.DataFrame, responses: pd.DataFrame) -> None:
    ax = plot_timeline(responses, chunks)
    bars = [artist for artist in ax.collections if artist.get_gid() == "bars"]
    assert [len(collection.get_paths()) for collection in bars] == [N, N, N]
    ax = plot_arrival(chunks)
    dots = [np.asarray(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]
    assert np.concatenate(dots).tolist() == [0.1] * N
    curves = [np.asarray(line.get_ydata()) for line in ax.lines if line.get_drawstyle() == "steps-post"]
    # Each curve rises to 120 characters once.
    assert sum(int((curve == PER * 6).sum()) for curve in curves) == N


def test_a_cloud_of_points_keeps_its_middle_when_it_thins_out(chunks: pd.DataFrame) -> None:
    """Of 36,000 gaps that are spread evenly from 10 to 90 ms, as many as before are in the middle."""
    ax = plot_gaps(pd.concat([chunks.assign(message_id=chunks["message_id"] + str(copy)) for copy in range(4)]))
    (points,) = [line for line in ax.lines if line.get_marker() == "o"]
    height = np.asarray(points.get_ydata())
    assert len(height) < 4 * N * (PER - 2)
    assert ((height > 40) & (height < 60)).mean() == pytest.approx(0.25, abs=0.03)
    assert f"{len(height):,} of {4 * N * (PER - 2):,} gaps drawn" in caption(ax)


def test_the_longest_of_thousands_of_stalls_are_named(chunks: pd.DataFrame) -> None:
    stalled = chunks["gap_ms"].eq(1000)
    longest = chunks.index[stalled][700]
    chunks = chunks.assign(gap_ms=chunks["gap_ms"].mask(chunks.index == longest, 4321))
    ax = plot_gaps(chunks)
    notes = [text.get_text() for text in ax.texts if text.get_gid() == "stall note"]
    assert any(note.startswith("4,321 ms") for note in notes)
    assert f"{len(notes)} of {N:,} stalls named" in caption(ax)
    assert ax.get_title(loc="left").replace("\n", " ") == (
        f"{N:,} stalls in {N:,} of {N:,} responses took {N + 3.321:,.1f} seconds"
    )


def test_usage_by_twenty_thousand_groups_takes_seconds() -> None:
    n = 20_000
    spent = pd.DataFrame({"context_id": [f"{k:08x}-c" for k in range(n)], "prompt_tokens": 1, "completion_tokens": 1})
    began = time.process_time()
    ax = plot_usage(spent)
    assert time.process_time() - began < 10
    assert f"20,000 responses in 20,000 groups · last bar: mean of {n + 1 - len(ax.get_yticks()):,}" in caption(ax)
