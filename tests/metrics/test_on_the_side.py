"""Percentiles and curves against scipy and numpy, on the recordings: tools that know nothing of chatkit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from scipy import stats
from scipy.stats import mstats

from chatkit.charts import plot_latency
from chatkit.metrics import summarize

mpl.use("Agg")

import matplotlib.pyplot as plt

if TYPE_CHECKING:
    import pandas as pd

METRICS = ["ttft_ms", "tail_ms", "completion_tokens"]


@pytest.mark.parametrize("metric", METRICS)
def test_percentiles_are_those_of_scipy(recorded_responses: pd.DataFrame, metric: str) -> None:
    """Linear interpolation is Hyndman and Fan's seventh definition: ``alphap`` and ``betap`` are 1."""
    for row in summarize(recorded_responses, metric, by="scenario").to_dict("records"):
        own = recorded_responses.loc[recorded_responses["scenario"] == row["scenario"], metric].dropna().to_numpy()
        assert row["count"] == len(own)
        if len(own):
            percentiles = mstats.mquantiles(own, [0.5, 0.9, 0.95, 0.99], alphap=1, betap=1)
            assert [row[name] for name in ("p50", "p90", "p95", "p99")] == pytest.approx(percentiles.tolist())
            assert (row["mean"], row["max"]) == pytest.approx((stats.tmean(own), own.max()))


@pytest.mark.parametrize("metric", METRICS)
def test_the_curve_is_the_empirical_distribution_of_scipy(recorded_responses: pd.DataFrame, metric: str) -> None:
    (curve,) = [line for line in plot_latency(recorded_responses, metric).lines if line.get_drawstyle() == "steps-post"]
    plt.close("all")
    known = recorded_responses[metric].dropna().to_numpy()
    distribution = stats.ecdf(known).cdf
    x, y = (np.asarray(of, dtype=np.float64) for of in (curve.get_xdata(), curve.get_ydata()))
    last = np.flatnonzero(np.diff(x, append=np.inf) > 0)  # of values that are there twice, the step's end
    assert x[last].tolist() == distribution.quantiles.tolist()
    assert y[last] == pytest.approx(distribution.probabilities)
