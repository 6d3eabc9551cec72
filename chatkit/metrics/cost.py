"""What responses cost, in US dollars."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.columns import require_columns
from chatkit.metrics.price_table import TablePrices
from chatkit.metrics.published_prices import PublishedPrices
from chatkit.metrics.token_kinds import InputTokens, OutputTokens

if TYPE_CHECKING:
    from typing import Protocol

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

    class Prices(Protocol):
        """Where prices come from."""

        def costs_usd(self, responses: pd.DataFrame, spent: InputTokens, output: Floats) -> Floats:
            """Return what plain, cached, written input and output cost: shape ``(responses, 4)``, NaN without price."""
            ...


PARTS = ("input_cost_usd", "cached_cost_usd", "cache_write_cost_usd", "output_cost_usd")


class UnpricedModelWarning(UserWarning):
    """Some models have no price, so what their responses cost is not known; the message names them."""


def add_cost(responses: pd.DataFrame, prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Add what each response cost, and the parts that add up to it.

    A token is paid once: input read from a cache at the cached price, input written to one at the price for that,
    the rest of the prompt at the input price, all output (reasoning included) at the output price.

    Args:
        responses: one row per response: ``model``, ``prompt_tokens``, ``completion_tokens``; where they are known
            ``cached_tokens`` and ``cache_write_tokens`` (what is not reported counts as none).
        prices: one row per model: ``model`` (exactly as in the responses), ``input_usd_per_mtok`` and
            ``output_usd_per_mtok``, in US dollars for a million tokens; where they differ from the input price also
            ``cached_usd_per_mtok`` and ``cache_write_usd_per_mtok``. Without a table, the prices that the package
            ``genai-prices`` ships are taken: by the model's name, at the time of ``started_at`` if the frame has it,
            cache writes at the usual duration. They are list prices of the model's own provider.

    Returns:
        The same rows with ``input_cost_usd`` (neither cached nor written), ``cached_cost_usd``,
        ``cache_write_cost_usd``, ``output_cost_usd`` and their sum ``cost_usd``. NaN where usage is not known, or
        says more cached than prompt tokens, and for a model without a price.

    Raises:
        KeyError: a column is missing.
        ValueError: the table has two rows for one model, or a price that is negative or no number.
        MissingExtraError: there is no table, and ``genai-prices`` is not installed.

    Warns:
        UnpricedModelWarning: once, with the names of all models without a price.

    >>> import pandas as pd
    >>> responses = pd.DataFrame({"model": ["m"], "prompt_tokens": [1_000_000], "cached_tokens": [400_000],
    ...                           "completion_tokens": [100_000]})
    >>> prices = pd.DataFrame({"model": ["m"], "input_usd_per_mtok": [2.0], "cached_usd_per_mtok": [0.5],
    ...                        "output_usd_per_mtok": [8.0]})
    >>> add_cost(responses, prices)[["input_cost_usd", "cached_cost_usd", "output_cost_usd", "cost_usd"]]
       input_cost_usd  cached_cost_usd  output_cost_usd  cost_usd
    0             1.2              0.2              0.8       2.2
    """
    require_columns(responses, ["model", "prompt_tokens", "completion_tokens"])
    source: Prices = PublishedPrices.installed() if prices is None else TablePrices.of(prices)
    spent, output = InputTokens.of(responses), OutputTokens.of(responses).total
    known = ~np.isnan(spent.plain) & ~np.isnan(output)
    costs = np.full((len(responses), len(PARTS)), np.nan)
    costs[known] = source.costs_usd(responses[known], InputTokens(*(part[known] for part in spent)), output[known])
    _warn_of_unpriced(responses["model"][known & np.isnan(costs).any(axis=1)])
    parts = {name: costs[:, number] for number, name in enumerate(PARTS)}
    return responses.assign(**parts, cost_usd=costs.sum(axis=1))


def _warn_of_unpriced(models: pd.Series) -> None:
    if models.empty:
        return
    names = [
        *sorted(models.dropna().astype(str).unique()),
        *(["a model without a name"] if models.isna().any() else []),
    ]
    message = f"no price for {', '.join(names)}: cost_usd is NaN there; give prices= for them"
    warnings.warn(message, UnpricedModelWarning, stacklevel=3)
