"""A response made of pieces: what follows from them is computed, and half an emoji is half an emoji."""

from __future__ import annotations

import math

import pytest

from chatkit.models import Chunk, Piece, ResponseMetadata, Usage
from chatkit.models.response import mean_gap_ms
from chatkit.models.text import code_points, join, well_formed
from tests.models.examples import answer, first_chunk_answer


def test_chunks_are_numbered_from_one_without_a_gap_and_empty_deltas_left_out() -> None:
    response = answer((1, ""), (2, "a"), (3, ""), (4, "b"))
    assert [(chunk.sequence, chunk.delta) for chunk in response.chunks] == [(1, "a"), (2, "b")]


def test_accumulated_characters_are_code_points_of_answer_text() -> None:
    response = answer((1, "é"), (2, "😀!"), (3, "thought", "reasoning"), (4, "日本"))
    assert [chunk.accumulated_chars for chunk in response.chunks] == [1, 3, 3, 5]
    assert response.content == "é😀!日本"


def test_a_character_cut_in_its_surrogates_counts_once() -> None:
    response = answer((1, "a\ud83d"), (2, "\ude00b"))
    assert [chunk.accumulated_chars for chunk in response.chunks] == [2, 3]
    assert response.content == "a😀b"
    assert response.figures["n_chars"] == 3


def test_a_character_cut_in_two_counts_once_though_a_thought_came_between() -> None:
    response = answer((1, "\ud83d"), (2, "hm", "reasoning"), (3, "\ude00"))
    assert [chunk.accumulated_chars for chunk in response.chunks] == [1, 1, 1]
    assert response.content == "😀"


def test_a_lone_half_stays_as_it_came() -> None:
    response = answer((1, "\ude00a"), (2, "b\ud83d"))
    assert response.content == "\ude00ab\ud83d"
    assert response.chunks[-1].accumulated_chars == 4


@pytest.mark.parametrize(
    ("gap_us", "interval_ms"), [(0, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (2500, 3), (13_114, 13)]
)
def test_intervals_are_whole_ms_rounded_half_up(gap_us: int, interval_ms: int) -> None:
    response = answer((1, "a"), (1 + gap_us / 1000, "b"))
    assert [chunk.interval_ms for chunk in response.chunks] == [None, interval_ms]


@pytest.mark.parametrize(("end_ms", "total_ms"), [(1437.499, 1437), (1437.5, 1438), (1438.5, 1439)])
def test_the_total_duration_is_whole_ms_rounded_half_up(end_ms: float, total_ms: int) -> None:
    assert answer((1, "a"), end_ms=end_ms).total_duration_ms == total_ms


def test_without_an_end_the_total_duration_is_unknown() -> None:
    assert answer((1, "a")).total_duration_ms is None


def test_the_average_interval_is_the_mean_of_the_gaps() -> None:
    assert answer((100, "a"), (110, "b"), (140, "c")).metadata.average_chunk_interval_ms == 20  # (10 + 30) / 2


@pytest.mark.parametrize("pieces", [[], [(1, "a")], [(1, "a"), (2, "")]])
def test_the_average_interval_is_unknown_with_fewer_than_two_chunks(pieces: list[tuple[float, str]]) -> None:
    assert answer(*pieces).metadata.average_chunk_interval_ms is None


def test_empty_deltas_count_in_no_mean() -> None:
    assert mean_gap_ms([Piece(0, ""), Piece(1000, "a"), Piece(2000, ""), Piece(5000, "b")]) == 4


def test_the_known_metadata_is_kept_beside_the_computed() -> None:
    response = answer((1, "a"), metadata=ResponseMetadata(consumer_ms=2.5, raw_usage={"x": 1}))
    assert (response.metadata.consumer_ms, response.metadata.raw_usage) == (2.5, {"x": 1})


@pytest.mark.parametrize(
    ("finish_reason", "end_ms", "status"),
    [
        ("stop", 9, "complete"), ("length", None, "complete"), (None, 9, "complete"), (None, None, "streaming"),
        ("aborted", 9, "aborted"), ("interrupted", None, "interrupted"), ("error", 9, "error"),
    ],
)  # fmt: skip
def test_the_status_follows_from_the_finish_reason_and_the_end(
    finish_reason: str | None, end_ms: float | None, status: str
) -> None:
    assert answer((1, "a"), finish_reason=finish_reason, end_ms=end_ms).status == status


def test_arrivals_count_from_the_request_and_belong_to_the_chunks_shown() -> None:
    response = answer((100, "a"), (100, "b"), (120.5, "c"))
    assert response.arrivals_ms.tolist() == [100, 100, 120.5]
    assert [chunk.delta for chunk in response.shown] == ["a", "b", "c"]


def test_empty_deltas_of_a_file_are_kept_and_not_shown() -> None:
    response = answer((100, "a"), (200, "b"))
    empty = Chunk(sequence=3, delta="", timestamp=response.chunks[1].timestamp)
    longer = response.model_copy(update={"chunks": (*response.chunks, empty)})
    assert (len(longer.chunks), len(longer.shown), longer.figures["n_chunks"]) == (3, 2, 2)


def test_stalls_are_the_places_of_the_chunks_that_ended_them() -> None:
    assert answer((100, "a"), (110, "b"), (1236, "c"), (1246, "d"), (2228, "e")).stalls.tolist() == [2, 4]
    assert answer().stalls.tolist() == []
    assert answer((1, "a")).stalls.tolist() == []


def test_the_duration_ends_with_the_stream_or_with_the_last_chunk_where_no_end_is_known() -> None:
    assert answer((100, "a"), end_ms=350).duration_ms == 350
    assert answer((100, "a"), (120, "b")).duration_ms == 120
    assert answer().duration_ms == 0


def test_a_response_that_knows_only_its_first_chunk_has_no_time_to_first_token() -> None:
    response = first_chunk_answer((0, "a"), (50, "b"))
    assert not response.is_request_known
    assert math.isnan(response.figures["ttft_ms"])
    assert response.figures["streaming_ms"] == 50


def test_hidden_reasoning_leaves_the_time_per_token_unknown() -> None:
    usage = Usage(completion_tokens=11, reasoning_tokens=5)
    assert math.isnan(answer((100, "a"), (200, "b"), usage=usage).figures["tpot_ms"])
    shown = answer((50, "hm", "reasoning"), (100, "a"), (250, "b"), usage=usage)
    assert shown.figures["tpot_ms"] == 20  # (250 - 50) / 10


def test_joining_mends_cut_characters_and_leaves_the_rest() -> None:
    assert join(["a\ud83d", "\ude00b"]) == "a😀b"
    assert join(["\ud83d", "x", "\ude00"]) == "\ud83dx\ude00"
    assert join([]) == ""


def test_well_formed_text_has_no_halves() -> None:
    assert well_formed("a\ud83d") == "a\ufffd"
    assert well_formed("\ude00\ud83d😀") == "\ufffd\ufffd😀"


def test_an_empty_delta_between_the_halves_of_a_character_does_not_part_them() -> None:
    assert code_points(["\ud83d", "", "\ude00"]) == [1, 0, 0]
