"""What a stall is: longer than ``max(250 ms, 5 x the median of the other gaps)``."""

from __future__ import annotations

import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.timing import Ragged, StallRule, is_stall, stall_limits
from chatkit.timing.stalls import medians_of_others
from tests.timing.hand_made import Stream, figures_of, texts

GAPS = st.lists(st.floats(min_value=0, max_value=5000), max_size=9)


@given(st.lists(GAPS, max_size=5))
def test_the_median_of_the_other_gaps_is_that_of_the_row_with_the_gap_taken_out(rows: list[list[float]]) -> None:
    expected = [
        median(row[:place] + row[place + 1 :]) if len(row) > 1 else math.nan
        for row in rows
        for place in range(len(row))
    ]
    assert medians_of_others(Ragged.of(*rows)).tolist() == pytest.approx(expected, nan_ok=True)


@given(st.lists(GAPS, max_size=5))
def test_a_gap_is_a_stall_exactly_when_the_rule_read_word_by_word_says_so(rows: list[list[float]]) -> None:
    expected = []
    for row in rows:
        for place, gap in enumerate(row):
            others = row[:place] + row[place + 1 :]
            expected.append(gap > (max(250, 5 * median(others)) if len(others) >= 4 else 250))
    assert is_stall(Ragged.of(*rows)).tolist() == expected


@pytest.mark.parametrize(("gap_ms", "stalls"), [(250.0, False), (250.001, True)])
def test_a_single_gap_is_held_against_the_floor_alone(gap_ms: float, stalls: bool) -> None:
    assert is_stall(Ragged.of([gap_ms])).tolist() == [stalls]


def test_with_three_gaps_a_slow_pace_does_not_raise_the_limit() -> None:
    # the others' median is 200, five times that 1000; with two others only the floor counts
    assert stall_limits(Ragged.of([200.0, 200.0, 900.0])).tolist() == [250, 250, 250]
    assert is_stall(Ragged.of([200.0, 200.0, 900.0])).tolist() == [False, False, True]


def test_with_five_gaps_the_median_of_the_four_others_counts() -> None:
    # 900: others 100, 200, 200, 300, median 200, limit 1000; 100: others 200, 200, 300, 900, median 250, limit 1250
    gaps_ms = Ragged.of([100.0, 200.0, 200.0, 300.0, 900.0])
    assert stall_limits(gaps_ms)[[0, 4]].tolist() == [1250, 1000]
    assert not is_stall(gaps_ms).any()


def test_with_four_gaps_each_has_three_others_and_only_the_floor_counts() -> None:
    assert stall_limits(Ragged.of([200.0, 200.0, 200.0, 900.0])).tolist() == [250] * 4


def test_a_stall_does_not_raise_its_own_limit() -> None:
    # two freezes among fast gaps: both are found, though each is among the others of the other
    assert is_stall(Ragged.of([10.0, 10.0, 1126.0, 10.0, 982.0, 10.0])).tolist() == [
        False, False, True, False, True, False,
    ]  # fmt: skip


def test_both_numbers_of_the_rule_are_arguments() -> None:
    gaps_ms = Ragged.of([10.0, 10.0, 10.0, 10.0, 60.0])
    assert is_stall(gaps_ms, StallRule(floor_ms=0, factor=5)).tolist() == [False] * 4 + [True]
    assert is_stall(gaps_ms, StallRule(floor_ms=0, factor=6)).tolist() == [False] * 5  # exactly six times is not longer
    assert is_stall(gaps_ms, StallRule(floor_ms=60, factor=0)).tolist() == [False] * 5


def test_the_figures_count_stalls_and_sum_their_length() -> None:
    found = figures_of(Stream(texts(100, 110, 120, 1246, 1256, 2238, 2248)))
    assert (found["n_stalls"], found["stalled_ms"]) == (2, 2108)  # 1126 + 982


def test_two_chunks_without_a_stall_have_zero_stalls_which_is_known() -> None:
    found = figures_of(Stream(texts(100, 110)))
    assert (found["n_stalls"], found["stalled_ms"]) == (0, 0)


def test_the_figures_take_another_rule() -> None:
    assert figures_of(Stream(texts(100, 110)), StallRule(floor_ms=5))["n_stalls"] == 1


def test_rows_do_not_share_their_medians() -> None:
    # a slow response beside a fast one: 900 ms is a stall in the second only
    slow, fast = [500.0, 500.0, 500.0, 500.0, 900.0], [10.0, 10.0, 10.0, 10.0, 900.0]
    assert is_stall(Ragged.of(slow, fast)).tolist() == [False] * 5 + [False] * 4 + [True]
