"""How often the 95 % interval of ``compare`` holds the truth, by simulation.

Each run draws two arms of as many contexts, of five responses each, and asks ``compare`` for the difference of the
medians (or means, …). Times are lognormal, as waits are; the logarithms of responses of one context correlate by 0.3.
The arms are a factor of 1.2 apart, so the true difference is 0.2 of the baseline's median or mean.

    python benchmarks/coverage.py --runs 1000 --statistic median
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd

from chatkit.metrics import compare

CONTEXTS = (8, 20, 40)
TURNS = 5
CORRELATION = 0.3
SPREAD = 0.8
MEDIAN_MS, FACTOR = 100.0, 1.2
BASELINE_MS = {"median": MEDIAN_MS, "mean": MEDIAN_MS * np.exp(SPREAD**2 / 2)}
"""The true figures of a lognormal distribution."""


def arm(rng: np.random.Generator, name: str, n_contexts: int, median_ms: float) -> pd.DataFrame:
    """Return one arm's responses: what a context's have in common has the correlation's share of the variance."""
    shared = np.repeat(rng.normal(0, np.sqrt(CORRELATION), n_contexts), TURNS)
    own = rng.normal(0, np.sqrt(1 - CORRELATION), n_contexts * TURNS)
    contexts = np.repeat([f"{name}{number}" for number in range(n_contexts)], TURNS)
    return pd.DataFrame(
        {"server": name, "context_id": contexts, "ttft_ms": median_ms * np.exp(SPREAD * (shared + own))}
    )


def held(rng: np.random.Generator, n_contexts: int, statistic: str) -> dict[str, bool]:
    """Return whether the intervals of one simulated comparison hold the truth."""
    truths = {"difference": BASELINE_MS[statistic] * (FACTOR - 1), "ratio": FACTOR}
    both = [arm(rng, "a", n_contexts, MEDIAN_MS), arm(rng, "b", n_contexts, MEDIAN_MS * FACTOR)]
    frame, seed = pd.concat(both, ignore_index=True), int(rng.integers(2**31))
    row = compare(frame, "server", "ttft_ms", statistic=statistic, seed=seed).iloc[0]
    return {name: bool(row[f"{name}_low"] <= truth <= row[f"{name}_high"]) for name, truth in truths.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="simulated comparisons for each number of contexts")
    parser.add_argument("--statistic", choices=BASELINE_MS, default="median")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)  # that few contexts give narrow intervals is what is measured
    started = time.perf_counter()
    told = f"({given.runs:,} comparisons of the {given.statistic})"
    print(f"{'contexts an arm':>15}  {'difference':>10}  {'ratio':>6}  {'+-':>4}   {told}")
    for n_contexts in CONTEXTS:
        rng = np.random.default_rng([given.seed, n_contexts])
        shares = pd.DataFrame([held(rng, n_contexts, given.statistic) for _ in range(given.runs)]).mean()
        error = 1.96 * np.sqrt(0.95 * 0.05 / given.runs)
        print(f"{n_contexts:>15}  {shares['difference']:>10.1%}  {shares['ratio']:>6.1%}  {error:>4.1%}")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
