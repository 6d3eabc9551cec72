"""Ragged arrays against numpy, row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.timing import Ragged, gaps

Rows = list[list[float]]
NUMBERS = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
ROWS = st.lists(st.lists(NUMBERS, max_size=7), max_size=6)


@given(ROWS, st.sampled_from([0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 100.0]))
def test_a_percentile_of_each_row_is_numpys(rows: Rows, q: float) -> None:
    expected = [float(np.percentile(row, q)) if row else math.nan for row in rows]
    assert Ragged.of(*rows).percentile(q).tolist() == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-6)


@given(ROWS)
def test_the_gaps_of_each_row_are_numpys_differences(rows: Rows) -> None:
    found = gaps(Ragged.of(*rows))
    assert found.counts.tolist() == [max(len(row) - 1, 0) for row in rows]
    assert found.values.tolist() == [gap for row in rows for gap in np.diff(row).tolist()]


@given(ROWS)
def test_sums_first_last_and_distinct_values_are_those_of_each_row(rows: Rows) -> None:
    ragged = Ragged.of(*rows)
    assert ragged.sums().tolist() == pytest.approx([math.fsum(row) for row in rows], abs=1e-3)
    assert ragged.first().tolist() == pytest.approx([row[0] if row else math.nan for row in rows], nan_ok=True)
    assert ragged.last().tolist() == pytest.approx([row[-1] if row else math.nan for row in rows], nan_ok=True)
    assert ragged.n_distinct().tolist() == [len(set(row)) for row in rows]


@given(ROWS)
def test_where_keeps_the_rows_and_drops_their_values(rows: Rows) -> None:
    ragged = Ragged.of(*rows)
    kept = ragged.where(ragged.values > 0)
    assert len(kept) == len(rows)
    assert kept.counts.tolist() == [sum(value > 0 for value in row) for row in rows]
    assert kept.values.tolist() == [value for row in rows for value in row if value > 0]


def test_a_value_past_the_end_of_a_row_is_unknown_and_not_the_next_rows() -> None:
    assert Ragged.of([1, 2], [3]).at(np.array([1, 1])).tolist() == pytest.approx([2, math.nan], nan_ok=True)
    assert math.isnan(Ragged.of([1, 2]).at(np.array([-1]))[0])
