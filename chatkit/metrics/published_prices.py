"""Prices as providers publish them, collected in the package ``genai-prices``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.errors import MissingExtraError

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType

    from numpy.typing import NDArray

    from chatkit.metrics.token_kinds import InputTokens

    Floats = NDArray[np.float64]

_UNPRICED = (np.nan,) * 4


@dataclass(frozen=True, slots=True)
class PublishedPrices:
    """The prices of the installed ``genai-prices``; nothing is fetched.

    Attributes:
        package: the package itself.
    """

    package: ModuleType

    @classmethod
    def installed(cls) -> PublishedPrices:
        """Import the package, which is an extra.

        Raises:
            MissingExtraError: it is not installed.
        """
        try:
            return cls(import_module("genai_prices"))
        except ModuleNotFoundError as error:
            if error.name != "genai_prices":
                raise
            raise MissingExtraError(
                'no prices: genai-prices is not installed: pip install "chatkit-lab[cost]", or give prices='
            ) from error

    def costs_usd(self, responses: pd.DataFrame, spent: InputTokens, output: Floats) -> Floats:
        """Return what plain, cached, written input and output cost: shape ``(responses, 4)``, NaN without price."""
        none = pd.Series(pd.NaT, index=responses.index)
        sent = pd.to_datetime(responses["started_at"] if "started_at" in responses.columns else none, utc=True)
        rows = zip(
            responses["model"], sent, *(part.astype(np.int64).tolist() for part in (*spent, output)), strict=True
        )
        costs = [
            _UNPRICED if pd.isna(model) else self._costs_usd(str(model), None if pd.isna(at) else at, counts)
            for model, at, *counts in rows
        ]
        return np.array(costs, dtype=np.float64).reshape(-1, 4)

    def _costs_usd(self, model: str, at: datetime | None, counts: list[int]) -> tuple[float, ...]:
        """Ask for the cost of one response, and what of its input is due to the cache.

        The price of a token may depend on how long the whole prompt is, so each part is priced as its share of a
        prompt of the same length that is all of that kind.
        """
        plain, cached, written, output = counts
        prompt = plain + cached + written
        whole = self._price(model, at, input_tokens=prompt, output_tokens=output)
        if whole is None:
            return _UNPRICED

        def share(kind: str, tokens: int) -> float:
            if not tokens:
                return 0.0
            of_kind = self._price(model, at, input_tokens=prompt, output_tokens=output, **{kind: prompt})
            return float(of_kind.input_price) * tokens / prompt

        plain_usd = float(whole.input_price) * plain / prompt if prompt else 0.0
        of_cache = share("cache_read_tokens", cached), share("cache_write_tokens", written)
        return plain_usd, *of_cache, float(whole.output_price)

    def _price(self, model: str, at: datetime | None, **tokens: int) -> Any:
        """Return the package's answer, None for a model that it does not know."""
        try:
            return self.package.calc_price(self.package.Usage(**tokens), model, genai_request_timestamp=at)
        except LookupError:
            return None
