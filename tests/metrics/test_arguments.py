"""What is given by mistake: the error says what belongs there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from chatkit import charts, metrics
from chatkit.metrics.columns import numbers_of
from chatkit.metrics.moments import moments_us

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS: dict[str, dict[str, Any]] = {
    "goodput": {"ttft_ms": 500},
    "fluidity": {"deadline_ms": 100},
    "compare": {"by": "model"},
}
TAKE_A_FRAME = [
    *(
        getattr(metrics, name)
        for name in metrics.__all__
        if name not in {"PRESETS", "Explanation", "UnpricedModelWarning", "explain"}
    ),
    *(getattr(charts, name) for name in charts.__all__ if name.startswith("plot_")),
]


@pytest.mark.parametrize(
    "given", ["data/store", None, [1, 2], pd.Series([1.0])], ids=lambda given: type(given).__name__
)
@pytest.mark.parametrize("function", TAKE_A_FRAME, ids=lambda function: function.__name__)
def test_what_is_no_frame_is_named_beside_how_to_get_one(function: Callable[..., Any], given: object) -> None:
    with pytest.raises(TypeError, match=f"a {type(given).__name__} is no table: give a DataFrame, such as ck.resp"):
        function(given, **LIMITS.get(function.__name__, {}))


def test_prices_and_usage_that_are_no_frame_are_refused() -> None:
    responses = pd.DataFrame({"model": ["m"], "prompt_tokens": [1], "completion_tokens": [1]})
    chunks = pd.DataFrame({"message_id": ["m"], "offset_ms": [1.0]})
    with pytest.raises(TypeError, match="a dict is no table"):
        metrics.add_cost(responses, {"m": 1.0})  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError, match="a str is no table"):
        metrics.responses_from_chunks(chunks, "usage.csv")  # type: ignore[arg-type]  # what is tested


def test_explain_takes_a_message_and_says_where_to_get_it() -> None:
    with pytest.raises(TypeError, match=r"a str is no message: give store.message"):
        metrics.explain("4654bc45", pd.DataFrame())  # type: ignore[arg-type]  # what is tested


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="by= names a column twice: model, model"):
        metrics.summarize(pd.DataFrame({"model": ["a"], "ttft_ms": [1.0]}), "ttft_ms", by=["model", "model"])


def test_numbers_among_objects_are_numbers_and_text_is_not() -> None:
    frame = pd.DataFrame({"mixed": pd.Series([1, None, 2.5], dtype="object"), "text": ["1", "2", "3"]})
    assert numbers_of(frame, "mixed").tolist() == pytest.approx([1.0, float("nan"), 2.5], nan_ok=True)
    with pytest.raises(ValueError, match="column 'text' is not numeric"):
        numbers_of(frame, "text")


@pytest.mark.parametrize("figure", ["inf", "-inf"])
def test_infinite_figures_are_named_and_neither_drawn_nor_summed_up(figure: str) -> None:
    frame = pd.DataFrame({"model": ["a", "b"], "context_id": ["x", "y"], "ttft_ms": [1.0, float(figure)]})
    uses: list[Callable[[], object]] = [
        lambda: metrics.summarize(frame, "ttft_ms"),
        lambda: metrics.compare(frame, "model", "ttft_ms"),
        lambda: charts.plot_latency(frame, "ttft_ms"),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="column 'ttft_ms' has 1 infinite values: what is unknown is NaN"):
            use()


def test_moments_as_text_are_read_with_and_without_decimals_and_zone() -> None:
    text = pd.Series(["1970-01-01 00:00:02+00:00", "1970-01-01T00:00:02.5Z", "1970-01-01 00:00:03", None])
    assert moments_us(text).tolist() == pytest.approx([2e6, 2.5e6, 3e6, float("nan")], nan_ok=True)
    stamps = pd.Series(pd.to_datetime([0.0, 1.5], unit="s", utc=True), name="started_at")
    written = pd.read_csv(io.StringIO(stamps.to_csv(index=False)))["started_at"]
    assert moments_us(written).tolist() == [0.0, 1.5e6]


def test_numbers_are_no_moments_since_their_unit_is_not_known() -> None:
    with pytest.raises(ValueError, match="column 'started_at' holds numbers, no moments"):
        moments_us(pd.Series([1.7e9], name="started_at"))


CHUNKS = pd.DataFrame(
    {"message_id": "m", "sequence": [1, 2], "offset_ms": [10.0, 20.0], "elapsed_ms": [0.0, 10.0], "n_chars": 3}
)


@pytest.mark.parametrize("plot", [charts.plot_arrival, charts.plot_pace])
def test_a_word_that_a_picture_does_not_know_is_not_written_on_its_axis(plot: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="no of='words': there are c"):
        plot(CHUNKS, of="words")


def test_a_comparison_is_drawn_in_its_unit_or_in_percent() -> None:
    comparison = metrics.compare(pd.DataFrame({"server": ["a", "b"], "ttft_ms": [1.0, 2.0]}), "server", "ttft_ms")
    with pytest.raises(ValueError, match="no of='ratio': there are difference, percent"):
        charts.plot_compare(comparison, of="ratio")  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("rule", [{"floor_ms": -1.0}, {"floor_ms": float("nan")}, {"factor": -5}, {"factor": "5"}])
@pytest.mark.parametrize("function", [metrics.stalls, charts.plot_gaps])
def test_a_stall_rule_that_makes_no_sense_is_refused(function: Callable[..., Any], rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(rule))} has to be 0 or above"):
        function(CHUNKS, **rule)
