"""``add_concurrency``: against spans drawn on paper and a count by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import add_concurrency


def spans(*pairs_s: tuple[float, float]) -> pd.DataFrame:
    started, completed = zip(*pairs_s, strict=True)
    return pd.DataFrame(
        {
            "started_at": pd.to_datetime(list(started), unit="s", utc=True),
            "completed_at": pd.to_datetime(list(completed), unit="s", utc=True),
        }
    )


def counts(frame: pd.DataFrame) -> list[tuple[int, int]]:
    added = add_concurrency(frame)
    return list(zip(added["in_flight"].tolist(), added["max_in_flight"].tolist(), strict=True))


def test_a_response_alone_counts_itself() -> None:
    assert counts(spans((0, 1), (2, 3))) == [(1, 1), (1, 1)]


def test_one_that_ends_as_another_begins_is_not_in_flight_with_it() -> None:
    assert counts(spans((0, 1), (1, 2))) == [(1, 1), (1, 1)]


def test_those_that_begin_together_see_each_other() -> None:
    assert counts(spans((0, 3), (0, 1), (0, 2))) == [(3, 3)] * 3


def test_the_most_may_come_later_than_the_start() -> None:
    r"""0---------10 with 2---4, 3-----8 and 6-7 on it: three at most, and three again."""
    assert counts(spans((0, 10), (2, 4), (3, 8), (6, 7))) == [(1, 3), (2, 3), (3, 3), (3, 3)]


def test_a_response_of_no_length_counts_itself() -> None:
    assert counts(spans((5, 5), (4, 6))) == [(2, 2), (1, 2)]


def test_many_spans_agree_with_a_count_one_by_one() -> None:
    rng = np.random.default_rng(7)
    starts = rng.integers(0, 300, 200)
    pairs = [(int(start), int(start + length)) for start, length in zip(starts, rng.integers(1, 60, 200), strict=True)]

    def at(moment: int) -> int:
        return sum(start <= moment < end for start, end in pairs)

    expected = [(at(start), max(at(moment) for moment in range(start, end))) for start, end in pairs]
    assert counts(spans(*pairs)) == expected


def test_an_unknown_end_is_the_last_chunk() -> None:
    frame = spans((0, 9), (4, 6)).assign(ttft_ms=[1000.0, 1000.0], streaming_ms=[2000.0, np.nan])
    frame.loc[0, "completed_at"] = pd.NaT
    assert counts(frame) == [(1, 1), (1, 1)]
    assert counts(frame.assign(streaming_ms=[4000.0, np.nan])) == [(1, 2), (2, 2)]


def test_a_span_that_is_not_known_is_counted_by_nobody() -> None:
    frame = spans((0, 9), (4, 6))
    frame.loc[0, "completed_at"] = pd.NaT
    added = add_concurrency(frame)
    assert added["in_flight"].isna().tolist() == [True, False]
    assert added["max_in_flight"].tolist()[1] == 1


def test_rows_index_and_columns_stay_and_the_frame_given_is_not_changed() -> None:
    frame = spans((0, 2), (1, 3)).set_index(pd.Index(["x", "x"]))
    added = add_concurrency(frame)
    assert added.columns.tolist() == ["started_at", "completed_at", "in_flight", "max_in_flight"]
    assert added.index.tolist() == ["x", "x"]
    assert frame.columns.tolist() == ["started_at", "completed_at"]
    assert added[["in_flight", "max_in_flight"]].dtypes.astype(str).tolist() == ["Int64", "Int64"]


def test_an_empty_frame_gains_the_columns() -> None:
    assert add_concurrency(spans((0, 1)).iloc[:0]).columns.tolist()[-2:] == ["in_flight", "max_in_flight"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="no column 'completed_at'"):
        add_concurrency(spans((0, 1)).drop(columns="completed_at"))


def test_four_at_once_were_recorded(recorded_responses: pd.DataFrame) -> None:
    busy = recorded_responses[recorded_responses["scenario"] == "queued"]
    assert add_concurrency(busy)["max_in_flight"].max() == 8
