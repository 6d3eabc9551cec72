"""How sure an estimate is: the same estimate on samples drawn anew from what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_RESAMPLES = 2000
_LOW, _HIGH = 2.5, 97.5


def interval(estimate: Callable[[Integers], Floats], strata: Integers, seed: int) -> Floats:
    """Return the 95 % percentile interval of each figure of an estimate: shape ``(2, figures)``.

    Args:
        estimate: the figures, given how often each unit is in the sample.
        strata: for each unit, the number of its stratum; as many units of a stratum are drawn as it has, so
            that no sample is without one of the arms.
        seed: the same seed draws the same samples.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; clusters as units:
        Field and Welsh, J. R. Stat. Soc. B 69 (2007).
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]

    def times_drawn() -> Integers:
        drawn = [of[rng.integers(len(of), size=len(of))] for of in members]
        return np.bincount(np.concatenate(drawn), minlength=len(strata))

    estimates = np.array([estimate(times_drawn()) for _ in range(_RESAMPLES)])
    bounds: Floats = np.percentile(estimates, [_LOW, _HIGH], axis=0)
    return bounds
