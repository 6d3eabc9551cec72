"""Weighted statistics, held against numpy on samples that are written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.metrics.weighted import STATISTICS

PERCENTS = {"median": 50, "p90": 90, "p95": 95, "p99": 99}


def of_sample(name: str, sample: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    if not len(sample):
        return float("nan")
    return float(np.mean(sample) if name == "mean" else np.percentile(sample, PERCENTS[name]))


@pytest.mark.parametrize("name", ["mean", *PERCENTS])
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_they_are_those_of_the_samples_written_out(name: str, drawn: list[tuple[int, int, int]]) -> None:
    values = np.array([value for value, *_ in drawn], dtype=np.float64)
    weights = np.array([times for _, *times in drawn]).T
    found = STATISTICS[name](values, weights)
    for times, figure in zip(weights, found, strict=True):
        assert figure == pytest.approx(of_sample(name, np.repeat(values, times)), nan_ok=True)


@pytest.mark.parametrize("name", ["mean", *PERCENTS])
def test_only_samples_that_hold_an_unknown_value_are_unknown(name: str) -> None:
    values = np.array([7.0, np.nan])
    assert STATISTICS[name](values, np.array([[2, 0], [1, 1]])) == pytest.approx([7.0, np.nan], nan_ok=True)


@pytest.mark.parametrize("name", ["mean", *PERCENTS])
def test_no_value_at_all_is_unknown(name: str) -> None:
    assert np.isnan(STATISTICS[name](np.array([]), np.ones((3, 0), dtype=np.int64))).tolist() == [True] * 3
