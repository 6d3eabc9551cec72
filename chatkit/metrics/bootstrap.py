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
_CELLS = 2_000_000
"""Weights held at once: 16 MB."""


def interval(estimate: Callable[[Integers], Floats], strata: Integers, n_values: int, seed: int) -> Floats:
    """Return the 95 % percentile interval of each figure of an estimate: shape ``(2, figures)``.

    Args:
        estimate: the figures of some samples, shape ``(samples, figures)``, given how often each unit is in each,
            shape ``(samples, units)``.
        strata: for each unit, the number of its stratum; as many units of a stratum are drawn as it has, so
            that no sample is without one of the arms.
        n_values: values that the estimate weighs; with more, fewer samples are drawn at once.
        seed: the same seed draws the same samples.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; clusters as units:
        Field and Welsh, J. R. Stat. Soc. B 69 (2007).
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]

    def drawn(n: int) -> Integers:
        times = np.zeros((n, len(strata)), dtype=np.int64)
        for of in members:
            # As often as each comes when one of them is drawn at random, as many times as there are.
            times[:, of] = rng.multinomial(len(of), np.full(len(of), 1 / len(of)), size=n)
        return times

    at_once = max(1, _CELLS // max(n_values, 1))
    parts = [estimate(drawn(min(at_once, _RESAMPLES - done))) for done in range(0, _RESAMPLES, at_once)]
    bounds: Floats = np.percentile(np.concatenate(parts), [_LOW, _HIGH], axis=0)
    return bounds
