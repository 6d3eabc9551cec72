"""The two sides of a comparison, and the units that are drawn anew to see how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.bootstrap import interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chatkit.metrics.weighted import Statistic

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Apart:
    """Two arms, each summed up by itself.

    Attributes:
        values: the figure of each response of both arms.
        is_arm: whether a response is of the arm, else of the baseline.
        units: for each response, the number of its context (0, 1, 2, … without a gap).
    """

    values: Floats
    is_arm: NDArray[np.bool_]
    units: Integers

    def estimate(self, statistic: Statistic, times: Integers | None = None) -> Floats:
        """Return the statistic's difference to the baseline, and its ratio, of each sample: shape ``(samples, 2)``."""
        arm, base = self._sides(statistic, times)
        return np.column_stack((arm - base, _ratio(arm, base)))

    def sides(self, statistic: Statistic) -> tuple[float, float]:
        """Return the statistic of the arm, and of the baseline."""
        arm, base = self._sides(statistic, None)
        return float(arm[0]), float(base[0])

    def interval(self, statistic: Statistic, seed: int) -> Floats:
        """Return the 95 % intervals of difference and ratio, shape ``(2, 2)``: low and high of each."""
        in_arm = np.bincount(self.units, weights=self.is_arm) > 0
        in_base = np.bincount(self.units, weights=~self.is_arm) > 0
        # A context that is in both arms is drawn for both at once.
        strata = in_arm + 2 * in_base
        return interval(lambda times: self.estimate(statistic, times), strata, len(self.values), seed)

    def _sides(self, statistic: Statistic, times: Integers | None) -> tuple[Floats, Floats]:
        weights = _weights(self.units, times)
        arm, base = (statistic(self.values[side], weights[:, side]) for side in (self.is_arm, ~self.is_arm))
        return arm, base


@dataclass(frozen=True, slots=True)
class Paired:
    """Like against like: one figure of each arm for every key that both have.

    Attributes:
        arm: the arm's figure for each key: the median of its responses with that key.
        base: the baseline's.
        units: for each key, the number of its unit: keys that share a context are one.
    """

    arm: Floats
    base: Floats
    units: Integers

    def estimate(self, statistic: Statistic, times: Integers | None = None) -> Floats:
        """Return the statistic of the pairs' differences, and of their ratios: shape ``(samples, 2)``."""
        weights = _weights(self.units, times)
        differences = statistic(self.arm - self.base, weights)
        return np.column_stack((differences, statistic(_ratio(self.arm, self.base), weights)))

    def sides(self, statistic: Statistic) -> tuple[float, float]:
        """Return the statistic of the arm, and of the baseline, over the keys."""
        once = _weights(self.units, None)
        return float(statistic(self.arm, once)[0]), float(statistic(self.base, once)[0])

    def interval(self, statistic: Statistic, seed: int) -> Floats:
        """Return the 95 % intervals of difference and ratio, shape ``(2, 2)``: low and high of each."""
        strata = np.zeros(self.units.max() + 1, dtype=np.int64)
        return interval(lambda times: self.estimate(statistic, times), strata, len(self.arm), seed)


def paired(
    values: Floats, is_arm: NDArray[np.bool_], units: Integers, keys: pd.DataFrame
) -> tuple[Paired, NDArray[np.bool_]]:
    """Pair responses by their keys; return the pairs, and which responses are in one. A missing key is like none."""
    key = keys.groupby(list(keys), dropna=False, observed=True).ngroup().to_numpy().astype(np.int64)
    has_key = keys.notna().all(axis="columns").to_numpy()
    both = np.intersect1d(key[is_arm & has_key], key[~is_arm & has_key])
    used = np.isin(key, both)
    figures = pd.Series(values[used]).groupby([key[used], is_arm[used]]).median()
    # Every key that is left has both sides: the baseline's figure (False) stands before the arm's.
    base, arm = figures.to_numpy().astype(np.float64).reshape(-1, 2).T
    joined = _joined(key[used], units[used])
    unit = pd.factorize(np.array([joined[number] for number in both.tolist()]))[0]
    return Paired(arm, base, unit.astype(np.int64)), used


def _joined(keys: Integers, units: Integers) -> dict[int, int]:
    """Return for each key the least key that it is linked to, over contexts that hold both."""
    parent: dict[int, int] = {int(key): int(key) for key in keys}

    def root(key: int) -> int:
        while parent[key] != key:
            key = parent[key]
        return key

    first_of: dict[int, int] = {}
    for key, unit in zip(keys.tolist(), units.tolist(), strict=True):
        one, other = sorted((root(key), root(first_of.setdefault(unit, key))))
        parent[other] = one
    return {key: root(key) for key in parent}


def _weights(units: Integers, times: Integers | None) -> Integers:
    """Return how often each value is in each sample: as often as its unit, or once."""
    return np.ones((1, len(units)), dtype=np.int64) if times is None else times[:, units]


def _ratio(arm: Floats, base: Floats) -> Floats:
    """Return the ratio to the baseline, NaN where that is 0."""
    return arm / np.where(base == 0, np.nan, base)


def context_units(responses: pd.DataFrame) -> Integers:
    """Number the contexts of responses by their order; one without a context is a unit of its own."""
    if "context_id" not in responses.columns:
        return np.arange(len(responses))
    # As objects: categories have an order of their own, that a frame loses on its way through a CSV file.
    codes = pd.factorize(responses["context_id"].astype("object"), sort=True)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes
