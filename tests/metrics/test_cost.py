"""``add_cost``: costs by hand, in US dollars."""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pandas as pd
import pytest

from chatkit.errors import MissingExtraError
from chatkit.metrics import UnpricedModelWarning, add_cost

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType

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


class _Package:
    """The two names of ``genai-prices`` that are used, with prices that no later version changes.

    ``m`` costs 2 dollars a million plain, 0.5 cached, 3 written and 8 output tokens; all input is twice as dear in
    prompts over 1,000 tokens, and everything was half the price before 2025.
    """

    Usage = SimpleNamespace

    @staticmethod
    def calc_price(usage: SimpleNamespace, model: str, *, genai_request_timestamp: datetime | None) -> SimpleNamespace:
        if model != "m":
            raise LookupError(model)
        cached, written = getattr(usage, "cache_read_tokens", 0), getattr(usage, "cache_write_tokens", 0)
        plain = usage.input_tokens - cached - written
        at = genai_request_timestamp
        once = 0.5e-6 if at is not None and at.year < 2025 else 1e-6
        twice = once * (2 if usage.input_tokens > 1000 else 1)
        input_price = (2 * plain + 0.5 * cached + 3 * written) * twice
        return SimpleNamespace(input_price=input_price, output_price=8 * usage.output_tokens * once)


@pytest.fixture
def _published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", cast("ModuleType", _Package))


@pytest.mark.usefixtures("_published")
@pytest.mark.parametrize(
    ("spent", "parts"),
    [
        ((1000, 100, 400, 100), [0.001, 0.0002, 0.0003, 0.0008]),  # 500 * 2, 400 * 0.5, 100 * 3, 100 * 8
        ((2000, 100, 400, 100), [0.006, 0.0004, 0.0006, 0.0008]),  # 1500 * 4, 400 * 1, 100 * 6: a long prompt
        ((0, 0, 0, 0), [0, 0, 0, 0]),
    ],
)
def test_published_prices_are_asked_for_each_kind_as_part_of_the_whole_prompt(
    spent: tuple[int, int, int, int], parts: list[float]
) -> None:
    prompt, completion, cached, written = spent
    frame = response("m", prompt, completion, cached_tokens=cached, cache_write_tokens=written)
    assert add_cost(frame)[PARTS].iloc[0].tolist() == pytest.approx(parts)


@pytest.mark.usefixtures("_published")
def test_published_prices_are_those_at_the_time_of_the_request() -> None:
    frame = pd.concat([response("m", 1000, 0)] * 3, ignore_index=True)
    frame["started_at"] = pd.to_datetime(pd.Series(["2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z", None]))
    assert add_cost(frame)["cost_usd"].tolist() == pytest.approx([0.001, 0.002, 0.002])


@pytest.mark.usefixtures("_published")
def test_a_model_without_a_published_price_is_named_and_the_others_are_priced() -> None:
    frame = pd.concat([response(model, 1000, 0) for model in ("m", "mine", None)], ignore_index=True)
    with pytest.warns(UnpricedModelWarning, match=r"^no price for mine, a model without a name: ") as caught:
        priced = add_cost(frame)
    assert len(caught) == 1
    assert priced["cost_usd"].notna().tolist() == [True, False, False]


def test_the_parts_add_up_to_what_the_installed_prices_say_of_the_whole() -> None:
    """Held against the package's own sum, so that a later version with other prices agrees too."""
    package = pytest.importorskip("genai_prices", reason="genai-prices (the extra [cost]) is not installed")
    sent = pd.Timestamp("2025-11-01T12:00:00Z")
    counts = {"input_tokens": 10_000, "output_tokens": 500, "cache_read_tokens": 6000}
    frame = pd.concat(
        [response(model, 10_000, 500, cached_tokens=6000) for model in ("gpt-4o", "claude-sonnet-4-5")],
        ignore_index=True,
    ).assign(started_at=sent)
    priced = add_cost(frame)
    for row in priced.to_dict("records"):
        said = package.calc_price(package.Usage(**counts), row["model"], genai_request_timestamp=sent.to_pydatetime())
        assert row["cost_usd"] == pytest.approx(float(said.total_price))
        assert 0 < row["cached_cost_usd"] / 6000 < row["input_cost_usd"] / 4000 < row["output_cost_usd"] / 500


def test_the_installed_prices_do_not_know_a_model_of_ones_own() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices (the extra [cost]) is not installed")
    with pytest.warns(UnpricedModelWarning, match=r"^no price for in-house-model-of-nobody: "):
        assert add_cost(response("in-house-model-of-nobody", 1000, 100))["cost_usd"].isna().all()
