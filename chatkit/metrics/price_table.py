"""Prices from a table that the user gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.columns import numbers_of, require_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from chatkit.metrics.token_kinds import InputTokens

    Floats = NDArray[np.float64]

_INPUT, _OUTPUT = "input_usd_per_mtok", "output_usd_per_mtok"
_CACHED, _WRITTEN = "cached_usd_per_mtok", "cache_write_usd_per_mtok"
_MTOK = 1e6


@dataclass(frozen=True, slots=True)
class TablePrices:
    """Prices per model.

    Attributes:
        table: one row a model, which is the index: US dollars for a million plain, cached, written input and output
            tokens.
    """

    table: pd.DataFrame

    @classmethod
    def of(cls, prices: pd.DataFrame) -> TablePrices:
        """Check a table; a cache price that it does not have is the input price.

        Raises:
            KeyError: a column is missing.
            ValueError: a model has two rows, or a price is negative or no number.
        """
        require_columns(prices, ["model", _INPUT, _OUTPUT])
        twice = prices["model"][prices["model"].duplicated()]
        if not twice.empty:
            raise ValueError(f"two rows of prices for model {twice.iloc[0]}: keep the one that counts")
        table = prices[[]].copy()
        for name in (_INPUT, _CACHED, _WRITTEN, _OUTPUT):
            table[name] = numbers_of(prices, name) if name in prices.columns else np.nan
            if (table[name] < 0).any():
                raise ValueError(f"column {name!r} has a negative price: {table[name].min()}")
        for name in (_CACHED, _WRITTEN):
            table[name] = table[name].fillna(table[_INPUT])
        return cls(table.set_axis(prices["model"].astype("object"), axis="index"))

    def costs_usd(self, responses: pd.DataFrame, spent: InputTokens, output: Floats) -> Floats:
        """Return what plain, cached, written input and output cost: shape ``(responses, 4)``, NaN without price."""
        rates = self.table.reindex(responses["model"].astype("object")).to_numpy(np.float64)
        costs: Floats = rates * np.column_stack([*spent, output]) / _MTOK
        return costs
