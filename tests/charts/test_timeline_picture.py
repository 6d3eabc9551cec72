"""``plot_timeline``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from chatkit.charts import plot_timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

START = pd.Timestamp("2026-01-01T00:00:00Z")


def bars(ax: Axes) -> dict[str, list[tuple[float, float, float]]]:
    """Bars by colour: (row, from, to)."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for collection in collections(ax):
        for path in collection.get_paths():
            corners = np.asarray(path.vertices, dtype=np.float64)
            (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
            span = (round((low + high) / 2, 6), round(left, 6), round(right, 6))
            found.setdefault(to_hex(np.asarray(collection.get_facecolor())[0]), []).append(span)
    return found


def collections(ax: Axes) -> list[PolyCollection]:
    return [artist for artist in ax.collections if isinstance(artist, PolyCollection) and artist.get_gid() == "bars"]


@pytest.fixture
def responses(stalled: pd.DataFrame) -> pd.DataFrame:
    """The stalled one, sent a second after another that was over when it ended."""
    return pd.DataFrame(
        {
            "message_id": [stalled["message_id"].iloc[0], "early"],
            "started_at": [START + pd.Timedelta(1, "s"), START],
            "completed_at": [START + pd.Timedelta(2.4, "s"), START + pd.Timedelta(1.5, "s")],
            "ttft_ms": [100.0, 500.0],
            "streaming_ms": [1290.0, 900.0],
        }
    )


def test_a_bar_per_response_in_the_order_of_the_requests(responses: pd.DataFrame, stalled: pd.DataFrame) -> None:
    assert bars(plot_timeline(responses, stalled)) == {
        "#cfd4db": [(0, 0, 0.5), (1, 1, 1.1)],
        "#3b7ddd": [(0, 0.5, 1.4), (1, 1.1, 2.39)],
        "#c8324a": [(1, 1.16, 1.96), (1, 1.97, 2.37)],
    }


def test_without_chunks_no_stall_is_drawn_and_that_is_said(responses: pd.DataFrame) -> None:
    ax = plot_timeline(responses)
    assert "#c8324a" not in bars(ax)
    assert [text.get_text() for text in ax.texts] == ["2 responses · stalls not shown"]


def test_bars_are_named_and_the_most_at_once_is_said(responses: pd.DataFrame) -> None:
    ax = plot_timeline(responses)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["early", "stalled-", "in flight\n(at most 2)"]
    assert ax.get_title(loc="left") == "2 responses, at most 2 at once"
    assert ax.get_xlabel() == "seconds since the first request"


def test_an_unknown_wait_is_not_drawn_and_counted(responses: pd.DataFrame) -> None:
    ax = plot_timeline(responses.assign(ttft_ms=[np.nan, 500.0]))
    assert bars(ax)["#cfd4db"] == [(0, 0, 0.5), (1, 1, 1)]
    assert "wait unknown for 1" in ax.texts[0].get_text()


def test_no_responses_are_a_picture_too(responses: pd.DataFrame) -> None:
    ax = plot_timeline(responses.iloc[:0])
    assert ax.get_title(loc="left") == "No responses"
    assert [text.get_text() for text in ax.texts if text.get_gid() == "nothing"] == [
        "nothing to draw: no response with a known start"
    ]


def test_a_bar_of_a_second_is_seen_on_an_axis_of_hours(responses: pd.DataFrame) -> None:
    """Every bar that has a length has an edge, too; one that has none is not drawn by its edge."""
    late = responses.assign(started_at=responses["started_at"] + pd.to_timedelta([10, 0], "h"), ttft_ms=[np.nan, 500.0])
    ax = plot_timeline(late)
    lengths = [to - start for spans in bars(ax).values() for _, start, to in spans]
    edges = [width for collection in collections(ax) for width in np.asarray(collection.get_linewidth())]
    pairs = zip(lengths, edges, strict=True)
    assert {(length > 0, edge > 0) for length, edge in pairs} == {(True, True), (False, False)}


@pytest.mark.parametrize(("n", "named"), [(12, 12), (60, 0)])
def test_names_are_written_where_there_is_room(responses: pd.DataFrame, n: int, named: int) -> None:
    names = [f"a-{'very-' * 9}long-name-{number}" for number in range(n)]
    ax = plot_timeline(pd.concat([responses.iloc[1:]] * n, ignore_index=True).assign(name=names), label="name")
    written = [label.get_text() for label in ax.get_yticklabels()][:-1]
    assert len(set(written)) == named
    assert ("not named" in ax.texts[0].get_text()) == (named == 0)


def test_a_missing_column_is_named(responses: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'scenario'"):
        plot_timeline(responses, label="scenario")
