"""Every function that takes ``by=``, on the frames that people have: keys missing, two keys, no row, one row."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from chatkit.charts import plot_latency, plot_prefill, plot_usage
from chatkit.metrics import compare, goodput, summarize, throughput

mpl.use("Agg")

import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Grouped = Callable[..., Any]

TABLES: dict[str, Grouped] = {
    "summarize": lambda frame, by: summarize(frame, "ttft_ms", by=by),
    "goodput": lambda frame, by: goodput(frame, ttft_ms=150, by=by),
    "throughput": lambda frame, by: throughput(frame, by=by),
}
PICTURES: dict[str, Grouped] = {
    "plot_latency": lambda frame, by: plot_latency(frame, by=by),
    "plot_prefill": lambda frame, by: plot_prefill(frame, by=by),
    "plot_usage": lambda frame, by: plot_usage(frame, by=by),
}
COMPARISON: dict[str, Grouped] = {"compare": lambda frame, by: compare(frame, by, "ttft_ms")}
EVERYTHING = TABLES | PICTURES | COMPARISON
FIGURES = ("ttft_ms", "prompt_tokens", "completion_tokens")


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
each_function = pytest.mark.parametrize("function", EVERYTHING.values(), ids=EVERYTHING)


@pytest.fixture
def responses() -> pd.DataFrame:
    """Six responses of two models and two servers; of one the model is not known, of another the server."""
    started = pd.Timestamp("2026-01-01T00:00:00Z") + pd.to_timedelta(range(6), unit="s")
    return pd.DataFrame(
        {
            "model": ["b", "a", None, "a", "b", "b"],
            "server": ["x", "x", "x", "y", None, "x"],
            "status": "complete",
            "started_at": started,
            "completed_at": started + pd.to_timedelta(1, unit="s"),
            "ttft_ms": [100.0, 200.0, 300.0, 100.0, 200.0, np.nan],
            "prompt_tokens": pd.array([10, 20, 30, 40, 50, 60], dtype="Int64"),
            "completion_tokens": pd.array([5, 5, 5, 5, 5, 5], dtype="Int64"),
        }
    )


def keys(table: pd.DataFrame, *names: str) -> list[tuple[object, ...]]:
    """The keys of each group, None where one is missing."""
    rows = table[list(names)].itertuples(index=False, name=None)
    return [tuple(None if pd.isna(key) else key for key in row) for row in rows]


def without_figures(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows and types, with no figure known."""
    return frame.assign(**{name: frame[name].mask(frame[name].notna()) for name in FIGURES})


@each_table
def test_a_missing_key_is_a_group_of_its_own_and_the_last(table: Grouped, responses: pd.DataFrame) -> None:
    assert keys(table(responses, "model"), "model") == [("a",), ("b",), (None,)]


@each_table
def test_two_keys_make_one_group_for_each_pair_that_is_there(table: Grouped, responses: pd.DataFrame) -> None:
    assert keys(table(responses, ["model", "server"]), "model", "server") == [
        ("a", "x"), ("a", "y"), ("b", "x"), ("b", None), (None, "x"),
    ]  # fmt: skip


@each_table
def test_no_response_is_lost_or_counted_twice(table: Grouped, responses: pd.DataFrame) -> None:
    found = table(responses, ["model", "server"])
    counted = [name for name in ("count", "missing", "met", "missed", "undetermined") if name in found.columns]
    assert found[counted].to_numpy().sum() == 6


def test_the_comparison_takes_a_missing_key_and_two_keys(responses: pd.DataFrame) -> None:
    by_model = compare(responses, "model", "ttft_ms")
    assert keys(by_model, "model") == [("b",), (None,)]  # against a: the median of 200 and 100
    assert by_model["difference"].tolist() == [0.0, 150.0]
    by_both = compare(responses, ["model", "server"], "ttft_ms", baseline=("a", "y"))
    assert keys(by_both, "model", "server") == [("a", "x"), ("b", "x"), ("b", None), (None, "x")]
    assert by_both["difference"].tolist() == [100.0, 0.0, 100.0, 200.0]


@each_function
@pytest.mark.parametrize("by", ["model", ["model", "server"]])
def test_an_empty_frame_one_row_and_nothing_known_are_answers_without_a_warning(
    function: Grouped, by: str | list[str], responses: pd.DataFrame
) -> None:
    unknown = without_figures(responses)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for frame in (responses.iloc[:0], responses.iloc[:1], responses.iloc[2:3], unknown):
            assert function(frame, by) is not None


@each_table
def test_what_nothing_is_known_of_is_unknown_and_not_zero(table: Grouped, responses: pd.DataFrame) -> None:
    unknown = without_figures(responses)
    found = table(unknown, "model")
    figures = [name for name in ("mean", "p50", "max", "share", "busy_tokens_per_s") if name in found.columns]
    assert figures
    assert found[figures].isna().all(axis=None)


@each_function
def test_a_column_that_is_not_there_is_named_beside_those_that_are(function: Grouped, responses: pd.DataFrame) -> None:
    for by in ("modell", ["model", "modell"]):
        with pytest.raises(KeyError, match=r"no column 'modell'; there are model, server, status"):
            function(responses, by)
