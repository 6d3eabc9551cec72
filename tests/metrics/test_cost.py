"""``add_cost``: costs by hand, in US dollars."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from chatkit.errors import MissingExtraError
from chatkit.metrics import UnpricedModelWarning, add_cost

PARTS = ["input_cost_usd", "cached_cost_usd", "cache_write_cost_usd", "output_cost_usd"]


@pytest.fixture
def prices() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["full", "plain"],
            "input_usd_per_mtok": [3.0, 1.0],
            "cached_usd_per_mtok": [0.3, None],
            "cache_write_usd_per_mtok": [3.75, None],
            "output_usd_per_mtok": [15.0, 2.0],
        }
    )


def response(model: str | None, prompt: float | None, completion: float | None, **columns: float) -> pd.DataFrame:
    known = {"model": model, "prompt_tokens": prompt, "completion_tokens": completion, **columns}
    return pd.DataFrame([known]).astype({name: "Int64" for name in known if name != "model"})


def test_a_token_is_paid_once(prices: pd.DataFrame) -> None:
    """Of 10,000 prompt tokens 6,000 were cached and 1,000 written: 3,000 are left for the input price."""
    priced = add_cost(response("full", 10_000, 500, cached_tokens=6000, cache_write_tokens=1000), prices)
    # 3000 * 3, 6000 * 0.3, 1000 * 3.75, 500 * 15 dollars a million
    assert priced[PARTS].iloc[0].tolist() == pytest.approx([0.009, 0.0018, 0.00375, 0.0075])
    assert priced["cost_usd"].iloc[0] == pytest.approx(0.02205)


def test_reasoning_is_part_of_the_output(prices: pd.DataFrame) -> None:
    priced = add_cost(response("full", 0, 1000, reasoning_tokens=900), prices)
    assert priced["cost_usd"].iloc[0] == pytest.approx(0.015)


def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do(prices: pd.DataFrame) -> None:
    frame = response("plain", 1000, 0, cached_tokens=400)
    for table in (prices, prices.drop(columns=["cached_usd_per_mtok", "cache_write_usd_per_mtok"])):
        assert add_cost(frame, table)[PARTS].iloc[0].tolist() == pytest.approx([0.0006, 0.0004, 0, 0])


def test_models_without_a_price_are_named_in_one_warning(prices: pd.DataFrame) -> None:
    models = ["lost", "full", "gone", "lost", None, "half"]
    frame = pd.concat([response(model, 1000, 0) for model in models], ignore_index=True)
    half = pd.DataFrame({"model": ["half"], "input_usd_per_mtok": [1.0]})
    says = r"^no price for gone, half, lost, a model without a name: cost_usd is NaN there"
    with pytest.warns(UnpricedModelWarning, match=says) as caught:
        priced = add_cost(frame, pd.concat([prices, half]))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert priced["cost_usd"].notna().tolist() == [model == "full" for model in models]


@pytest.mark.parametrize(("prompt", "completion", "cached"), [(None, 5, 0), (5, None, 0), (5, 5, 6)])
def test_usage_that_is_not_known_or_cannot_be_has_no_cost(
    prices: pd.DataFrame, prompt: float | None, completion: float | None, cached: float
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is not the price that is missing
        priced = add_cost(response("full", prompt, completion, cached_tokens=cached), prices)
    assert priced[[*PARTS, "cost_usd"]].isna().all(axis=None)


def test_the_frame_keeps_its_rows_and_index(prices: pd.DataFrame) -> None:
    frame = pd.concat([response("full", 1, 1), response("plain", 1, 1)]).set_axis([7, 3], axis="index")
    before = frame.copy()
    priced = add_cost(frame.astype({"model": "category"}), prices)
    assert priced.index.tolist() == [7, 3]
    assert priced["cost_usd"].tolist() == pytest.approx([18e-6, 3e-6])
    pd.testing.assert_frame_equal(frame, before)
    assert add_cost(frame.iloc[:0], prices).columns.tolist()[-5:] == [*PARTS, "cost_usd"]


def test_what_cannot_be_asked_is_said(prices: pd.DataFrame) -> None:
    frame = response("full", 1, 1)
    with pytest.raises(KeyError, match="no column 'completion_tokens'"):
        add_cost(frame.drop(columns="completion_tokens"), prices)
    with pytest.raises(KeyError, match="no column 'output_usd_per_mtok'; there are model, input_usd"):
        add_cost(frame, prices.drop(columns="output_usd_per_mtok"))
    with pytest.raises(ValueError, match="two rows of prices for model full"):
        add_cost(frame, pd.concat([prices, prices.iloc[:1]]))
    with pytest.raises(ValueError, match="'input_usd_per_mtok' has a negative price: -3"):
        add_cost(frame, prices.assign(input_usd_per_mtok=-3.0))


def test_without_a_table_and_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(MissingExtraError, match=r'pip install "chatkit-lab\[cost\]"'):
        add_cost(response("gpt-4o", 1, 1))


@pytest.mark.skipif(find_spec("genai_prices") is None, reason="genai-prices (the extra [cost]) is not installed")
def test_published_prices_are_those_of_the_model_at_the_time() -> None:
    """List prices of 2025, dollars a million: gpt-4o 2.50, cached 1.25, output 10; claude-sonnet-4-5 3, cached 0.30,
    written 3.75, output 15, and over 200,000 prompt tokens 6 and 22.50."""
    frame = pd.concat(
        [
            response("gpt-4o-2024-08-06", 1000, 100, cached_tokens=400),
            response("claude-sonnet-4-5", 10_000, 500, cached_tokens=6000, cache_write_tokens=1000),
            response("claude-sonnet-4-5", 300_000, 1000),
            response("gpt-4o", 0, 0),
            response("gemma-3-270m-q4", 1000, 100),
        ],
        ignore_index=True,
    ).assign(started_at=pd.Timestamp("2025-11-01T12:00:00Z"))
    with pytest.warns(UnpricedModelWarning, match=r"^no price for gemma-3-270m-q4: "):
        priced = add_cost(frame)
    assert priced[PARTS].to_numpy() == pytest.approx(
        np.array(
            [
                [0.0015, 0.0005, 0, 0.001],
                [0.009, 0.0018, 0.00375, 0.0075],
                [1.8, 0, 0, 0.0225],
                [0, 0, 0, 0],
                [np.nan] * 4,
            ]
        ),
        nan_ok=True,
    )
