"""``stalls``: against gaps counted by hand, and against what is known of the recordings."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import responses_from_chunks, stalls

START = pd.Timestamp("2026-01-01T00:00:00Z")


def chunks_at(message_id: str, *offsets_ms: float, sent_ms: float = 0.0) -> pd.DataFrame:
    """Chunks of one response, `offsets_ms` after its request, which was sent at START + `sent_ms`."""
    at = np.array(offsets_ms)
    return pd.DataFrame(
        {
            "message_id": message_id,
            "sequence": np.arange(1, len(at) + 1),
            "delta": [f"w{number} " for number in range(1, len(at) + 1)],
            "timestamp": START + pd.to_timedelta(sent_ms + at, unit="ms"),
            "offset_ms": at,
            "gap_ms": np.diff(at, prepend=np.nan),
        }
    )


def waits(**spans_ms: tuple[float, float]) -> pd.DataFrame:
    """Responses that were sent and got their first chunk at these times after START."""
    return pd.DataFrame(
        {
            "message_id": list(spans_ms),
            "started_at": [START + pd.Timedelta(sent, "ms") for sent, _ in spans_ms.values()],
            "ttft_ms": [first - sent for sent, first in spans_ms.values()],
            "tail_ms": 0.0,
        }
    )


@pytest.fixture
def stalled() -> pd.DataFrame:
    """Gaps 10, 20, 30, 800, 10, 400, 20: the medians of the others are 20 for 800 and for 400."""
    return chunks_at("m", 100, 110, 130, 160, 960, 970, 1370, 1390)


def test_a_row_says_when_how_long_and_how_unusual(stalled: pd.DataFrame) -> None:
    table = stalls(stalled)
    assert table["sequence"].tolist() == [5, 7]
    assert table["start_ms"].tolist() == [160.0, 970.0]
    assert table["gap_ms"].tolist() == [800.0, 400.0]
    assert table["times_median"].tolist() == [40.0, 20.0]
    assert table.columns.tolist() == [
        "message_id", "sequence", "start_ms", "gap_ms", "times_median", "before", "after", "episode",
    ]  # fmt: skip


def test_the_text_on_each_side_is_as_received(stalled: pd.DataFrame) -> None:
    row = stalls(stalled).iloc[0]
    assert (row["before"], row["after"]) == ("w1 w2 w3 w4 ", "w5 w6 w7 w8 ")


def test_the_text_shown_is_cut_to_forty_characters_nearest_the_stall() -> None:
    frame = chunks_at("m", *range(0, 600, 10), *range(2000, 2600, 10))
    row = stalls(frame).iloc[0]
    assert row["before"] == "".join(frame["delta"].iloc[:60])[-40:]
    assert row["after"] == "".join(frame["delta"].iloc[60:])[:40]


def test_a_frame_without_text_gives_none(stalled: pd.DataFrame) -> None:
    table = stalls(stalled.drop(columns="delta"))
    assert table["gap_ms"].tolist() == [800.0, 400.0]
    assert table[["before", "after"]].isna().all(axis=None)


def test_stalls_with_one_chunk_between_them_are_one_episode_with_two_they_are_not() -> None:
    one = chunks_at("one", 0, 10, 20, 30, 40, 1040, 2040, 2050)
    two = chunks_at("two", 0, 10, 20, 30, 40, 1040, 1050, 2050)
    assert stalls(pd.concat([one, two]))["episode"].tolist() == [1, 1, 2, 3]


def test_both_numbers_of_the_rule_are_arguments(stalled: pd.DataFrame) -> None:
    assert stalls(stalled, floor_ms=500)["gap_ms"].tolist() == [800.0]
    assert stalls(stalled, factor=30)["gap_ms"].tolist() == [800.0]
    assert stalls(stalled, floor_ms=25, factor=1)["gap_ms"].tolist() == [30.0, 800.0, 400.0]


def test_with_fewer_than_four_other_gaps_only_the_floor_counts() -> None:
    assert stalls(chunks_at("m", 0, 200, 400, 700))["gap_ms"].tolist() == [300.0]
    assert stalls(chunks_at("m", 0, 200, 400, 600, 800, 1100)).empty


def test_the_multiple_of_a_median_of_zero_is_unknown() -> None:
    assert stalls(chunks_at("m", 0, 0, 0, 0, 0, 0, 300))["times_median"].isna().tolist() == [True]


def test_a_start_is_unknown_where_the_request_is(stalled: pd.DataFrame) -> None:
    table = stalls(stalled.assign(offset_ms=np.nan))
    assert table["gap_ms"].tolist() == [800.0, 400.0]
    assert table["start_ms"].isna().all()


def test_gaps_are_counted_from_arrival_times_where_the_frame_has_none(stalled: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(stalls(stalled.drop(columns="gap_ms")), stalls(stalled))


def test_a_filtered_frame_has_no_gap_that_was_not_there(stalled: pd.DataFrame) -> None:
    assert stalls(stalled[stalled["sequence"] != 5])["gap_ms"].tolist() == [400.0]


def test_an_empty_delta_is_no_chunk(stalled: pd.DataFrame) -> None:
    stalled = stalled.drop(columns="gap_ms").assign(delta=["a", "b", "c", "", "d", "e", "f", "g"])
    assert stalls(stalled)["gap_ms"].tolist() == [830.0, 400.0]


def test_rows_of_many_responses_may_be_mixed_and_ids_keep_their_type() -> None:
    ids = pd.CategoricalDtype(["z", "b", "a"])
    both = pd.concat([chunks_at("b", 0, 10, 500), chunks_at("a", 0, 700, 710)]).astype({"message_id": ids})
    table = stalls(both.iloc[[1, 4, 0, 5, 2, 3]])
    assert table["message_id"].tolist() == ["b", "a"]
    assert table["message_id"].dtype == ids
    assert table["gap_ms"].tolist() == [490.0, 700.0]


def test_a_silent_end_over_the_limit_is_a_row_without_a_sequence(stalled: pd.DataFrame) -> None:
    """The seven gaps have a median of 20 ms, so the limit is the floor; the end is 800 ms after 1,390."""
    table = stalls(stalled, waits(m=(0, 100)).assign(tail_ms=800.0))
    assert table["sequence"].isna().tolist() == [False, False, True]
    end = table.iloc[2]
    assert (end["start_ms"], end["gap_ms"], end["times_median"], end["after"]) == (1390.0, 800.0, 40.0, "")
    assert end["before"].endswith("w8 ")


def test_a_silent_end_is_held_to_the_responses_own_pace() -> None:
    slow = chunks_at("m", 0, 200, 400, 600, 800, 1000)
    assert stalls(slow, waits(m=(0, 0)).assign(tail_ms=1000.0)).empty
    assert stalls(slow, waits(m=(0, 0)).assign(tail_ms=1001.0))["gap_ms"].tolist() == [1001.0]


def test_a_silent_end_after_the_only_chunk_counts_over_the_floor() -> None:
    table = stalls(chunks_at("m", 50), waits(m=(0, 50)).assign(tail_ms=251.0))
    assert table["start_ms"].tolist() == [50.0]
    assert table["times_median"].isna().all()


def test_the_cause_is_the_wait_that_overlaps_longest(stalled: pd.DataFrame) -> None:
    """The first stall lasts from 160 to 960, the second from 970 to 1,370."""
    table = stalls(stalled, waits(m=(0, 100), short=(150, 300), long=(200, 900), over=(0, 160)))
    assert table["cause_message_id"].tolist()[0] == "long"
    assert table["cause_message_id"].isna().tolist() == [False, True]


def test_a_response_that_never_got_a_chunk_waited_until_its_end(stalled: pd.DataFrame) -> None:
    given = waits(m=(0, 100), cut=(150, 150)).assign(
        ttft_ms=[100.0, np.nan],
        n_chunks=[8, 0],
        completed_at=[START + pd.Timedelta(1400, "ms"), START + pd.Timedelta(900, "ms")],
    )
    assert stalls(stalled, given)["cause_message_id"].tolist()[0] == "cut"


def test_an_empty_frame_gives_no_rows_and_the_same_columns(stalled: pd.DataFrame) -> None:
    given = waits(m=(0, 100))
    for responses in (None, given):
        empty = stalls(stalled.iloc[:0], responses)
        assert empty.empty
        assert empty.columns.tolist() == stalls(stalled, responses).columns.tolist()


@pytest.mark.parametrize("column", ["message_id", "sequence"])
def test_a_missing_column_is_named(stalled: pd.DataFrame, column: str) -> None:
    with pytest.raises(KeyError, match=f"no column '{column}'"):
        stalls(stalled.drop(columns=column))


def test_chunks_without_any_time_are_refused(stalled: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'gap_ms'"):
        stalls(stalled.drop(columns=["gap_ms", "offset_ms"]))


def test_the_recordings_hold_eleven_stalls_in_eight_responses_ten_with_a_cause(
    recorded_chunks: pd.DataFrame, recorded_responses: pd.DataFrame
) -> None:
    table = stalls(recorded_chunks, recorded_responses)
    between = table[table["sequence"].notna()]
    assert len(between) == 11
    assert between["message_id"].nunique() == 8
    assert between["cause_message_id"].notna().sum() == 10


def test_the_late_long_prompt_froze_the_others_once(
    recorded_chunks: pd.DataFrame, recorded_responses: pd.DataFrame
) -> None:
    table = stalls(recorded_chunks, recorded_responses)
    frozen = table[table["message_id"] == "stall-0"]
    assert frozen["gap_ms"].round().tolist() == [1126, 982]
    assert len(set(frozen["episode"])) == 1
    assert frozen["cause_message_id"].tolist() == ["stall-late"] * 2


def test_frames_from_csv_files_and_with_rows_for_silent_responses_give_the_same(
    recorded_chunks: pd.DataFrame, recorded_responses: pd.DataFrame
) -> None:
    kept = ["sequence", "gap_ms", "cause_message_id"]
    written = [pd.read_csv(io.StringIO(frame.to_csv(index=False))) for frame in (recorded_chunks, recorded_responses)]
    heard = recorded_chunks[recorded_chunks["message_id"] != "aborted"]  # it has no stall
    silent = recorded_responses[["message_id"]].merge(heard, on="message_id", how="outer")
    assert silent["sequence"].isna().sum() == 1
    wanted = stalls(recorded_chunks, recorded_responses)
    for chunks, responses in (written, (silent, recorded_responses)):
        found = stalls(chunks, responses)
        pd.testing.assert_frame_equal(found[kept], wanted[kept], check_dtype=False)


def test_a_gap_at_the_limit_is_none_though_its_times_are_decimals() -> None:
    """961.486 and 1211.486 are 250 ms apart; as floats 250.0000000000001."""
    times = [0.0, 961.486, 1211.486]
    chunks = pd.DataFrame({"message_id": "m", "sequence": [1, 2, 3], "elapsed_ms": times})
    assert stalls(chunks)["sequence"].tolist() == [2]
    own = responses_from_chunks(pd.DataFrame({"message_id": "m", "offset_ms": times}))
    assert own["n_stalls"].tolist() == [1]


def test_chunks_of_an_unknown_message_are_refused() -> None:
    chunks = pd.DataFrame({"message_id": ["m", None], "sequence": [1, 1], "elapsed_ms": [0.0, 0.0]})
    with pytest.raises(ValueError, match="message_id is missing in 1 rows of chunks"):
        stalls(chunks)


@pytest.mark.parametrize(("floor_ms", "factor"), [(225, 2), (225, 5), (290, 2), (290, 5)])
def test_floors_and_factors_near_the_defaults_find_the_same_stalls(
    recorded_chunks: pd.DataFrame, floor_ms: float, factor: float
) -> None:
    found = stalls(recorded_chunks, floor_ms=floor_ms, factor=factor)
    pd.testing.assert_frame_equal(found, stalls(recorded_chunks))
    assert len(found) == 11


def test_a_floor_of_200_ms_finds_what_a_blocked_client_did_itself(
    recorded_chunks: pd.DataFrame, recorded_responses: pd.DataFrame
) -> None:
    found = stalls(recorded_chunks, floor_ms=200)
    scenario = recorded_responses.set_index("message_id")["scenario"]
    assert found["message_id"].map(scenario).eq("blocked-client").sum() == 20
    assert len(found) == 31


def test_chunks_of_two_stores_can_be_asked_with_the_responses_of_one(stalled: pd.DataFrame) -> None:
    """Ids are categories of their own store: those of the other are just not among the responses."""
    one = stalled.astype({"message_id": "category"})
    other = chunks_at("n", 100, 110).astype({"message_id": "category"})
    responses = waits(m=(0, 100)).assign(tail_ms=900.0).astype({"message_id": "category"})
    table = stalls(pd.concat([one, other]), responses)
    assert table["message_id"].tolist() == ["m", "m", "m"]
    assert table["gap_ms"].tolist() == [800.0, 400.0, 900.0]
    assert stalls(other, responses).empty
