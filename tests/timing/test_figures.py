"""The figures of a response, each against a value worked out by hand. Times are ms after the request."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chatkit.timing import FIGURES, figures
from tests.timing.hand_made import NAN, Stream, figures_of, streams_of, texts

FIVE_CHUNKS = Stream(
    # five chunks of 3, 4, 5, 2, 6 characters
    chunks=[(100, "text", 3), (120, "text", 4), (150, "text", 5), (150, "text", 2), (200, "text", 6)],
    headers=40,
    first_event=90,
    finished=220,
    ended=225,
    completion_tokens=7,
)
WORKED_OUT = {
    "headers_ms": 40,
    "first_event_ms": 90,
    "ttft_ms": 100,
    "ttfo_ms": 100,
    "after_headers_ms": 60,  # 100 - 40
    "streaming_ms": 100,  # 200 - 100
    "tail_ms": 25,  # 225 - 200
    "e2e_ms": 225,
    "n_chunks": 5,
    "n_reads": 4,  # two came at 150
    "n_chars": 20,  # 3 + 4 + 5 + 2 + 6
    "gap_p50_ms": 25,  # gaps 20, 30, 0, 50; sorted 0, 20, 30, 50; half-way between 20 and 30
    "gap_p99_ms": 49.4,  # rank 0.99 * 3 = 2.97: 30 + 0.97 * 20
    "gap_max_ms": 50,
    "n_stalls": 0,
    "stalled_ms": 0,
    "tpot_ms": 20,  # (220 - 100) / 6
    "tokens_per_s": 50,  # 1000 / 20
    "e2e_tokens_per_s": 7 / 0.225,
    "chars_per_s": 170,  # (20 - 3) in 0.1 s
    "chunks_per_token": 5 / 7,
}


def test_five_chunks_with_usage_give_the_figures_worked_out_by_hand() -> None:
    assert figures_of(FIVE_CHUNKS) == pytest.approx(WORKED_OUT, rel=1e-12)


def test_the_figures_are_named_in_the_order_of_the_columns() -> None:
    assert tuple(figures_of(FIVE_CHUNKS)) == FIGURES == tuple(WORKED_OUT)


def test_a_role_only_first_event_is_the_first_event_and_not_the_first_token() -> None:
    # the role came at 90 with an empty delta, which is no chunk; text at 600
    found = figures_of(Stream(texts(600, 610), first_event=90))
    assert (found["first_event_ms"], found["ttft_ms"], found["gap_max_ms"]) == (90, 600, 10)


def test_reasoning_is_the_first_token_and_the_first_output_is_the_first_answer_text() -> None:
    thought = [(100.0, "reasoning", 9), (200.0, "reasoning", 9)]
    found = figures_of(Stream([*thought, *texts(500, 600)], completion_tokens=6, reasoning_tokens=2, finished=600))
    assert (found["ttft_ms"], found["ttfo_ms"]) == (100, 500)
    assert found["n_chars"] == 6  # answer text only: 3 + 3
    assert found["tpot_ms"] == 100  # the reasoning was shown: (600 - 100) / 5
    assert found["chars_per_s"] == 30  # 3 characters after the first text, in 0.1 s


def test_a_tool_call_alone_has_a_first_token_but_no_first_output() -> None:
    found = figures_of(Stream([(100, "tool_call", 5), (110, "tool_call", 5)]))
    assert (found["ttft_ms"], found["n_chunks"], found["n_chars"]) == (100, 2, 0)
    assert math.isnan(found["ttfo_ms"])
    assert math.isnan(found["chars_per_s"])


def test_time_per_token_is_unknown_where_reasoning_was_counted_but_not_shown() -> None:
    found = figures_of(Stream(texts(100, 200), completion_tokens=11, reasoning_tokens=5, finished=200))
    assert math.isnan(found["tpot_ms"])
    assert math.isnan(found["tokens_per_s"])
    assert found["chunks_per_token"] == 2 / 11


@pytest.mark.parametrize("reasoning_tokens", [0, NAN])
def test_time_per_token_is_known_where_no_reasoning_was_counted(reasoning_tokens: float) -> None:
    stream = Stream(texts(100, 200), completion_tokens=11, reasoning_tokens=reasoning_tokens, finished=200)
    assert figures_of(stream)["tpot_ms"] == 10


def test_time_per_token_ends_at_the_last_chunk_where_no_finish_event_is_known() -> None:
    assert figures_of(Stream(texts(100, 200), completion_tokens=6, ended=900))["tpot_ms"] == 20


def test_time_per_token_ends_at_the_finish_event_where_tokens_were_held_back() -> None:
    assert figures_of(Stream(texts(100, 200), completion_tokens=6, finished=300))["tpot_ms"] == 40


def test_one_chunk_with_several_tokens_has_a_time_per_token() -> None:
    # three tokens, two of them never shown: (140 - 100) / 2
    assert figures_of(Stream(texts(100), completion_tokens=3, finished=140))["tpot_ms"] == 20


@pytest.mark.parametrize("tokens", [0, 1, NAN])
def test_time_per_token_is_unknown_with_fewer_than_two_tokens(tokens: float) -> None:
    found = figures_of(Stream(texts(100, 200), completion_tokens=tokens, finished=200))
    assert math.isnan(found["tpot_ms"])
    assert math.isnan(found["tokens_per_s"])


def test_a_rate_over_no_time_is_unknown_and_not_endless() -> None:
    found = figures_of(Stream(texts(100, 100), completion_tokens=6, finished=100))
    assert found["tpot_ms"] == 0
    assert math.isnan(found["tokens_per_s"])
    assert math.isnan(found["chars_per_s"])


def test_gaps_of_zero_count_as_gaps() -> None:
    found = figures_of(Stream(texts(100, 100, 100, 130)))
    assert (found["gap_p50_ms"], found["gap_max_ms"], found["n_reads"], found["n_chunks"]) == (0, 30, 2, 4)


UNKNOWN_WITH_ONE_CHUNK = {
    "streaming_ms", "gap_p50_ms", "gap_p99_ms", "gap_max_ms", "n_stalls", "stalled_ms", "chars_per_s",
}  # fmt: skip


def test_one_chunk_has_a_first_token_and_no_gaps() -> None:
    found = figures_of(Stream(texts(100), headers=50, first_event=60, finished=105, ended=110, completion_tokens=2))
    assert {name for name, value in found.items() if math.isnan(value)} == UNKNOWN_WITH_ONE_CHUNK
    assert (found["ttft_ms"], found["tail_ms"], found["n_chunks"], found["n_reads"]) == (100, 10, 1, 1)


def test_no_chunk_leaves_the_counts_zero_and_what_follows_from_chunks_unknown() -> None:
    found = figures_of(Stream([], headers=50, first_event=60, ended=110))
    known = {name: value for name, value in found.items() if not math.isnan(value)}
    assert known == {
        "headers_ms": 50, "first_event_ms": 60, "e2e_ms": 110, "n_chunks": 0, "n_reads": 0, "n_chars": 0,
    }  # fmt: skip


def test_without_usage_every_figure_per_token_is_unknown_and_the_others_known() -> None:
    found = figures_of(Stream(FIVE_CHUNKS.chunks, headers=40, first_event=90, finished=220, ended=225))
    per_token = {"tpot_ms", "tokens_per_s", "e2e_tokens_per_s", "chunks_per_token"}
    assert {name for name, value in found.items() if math.isnan(value)} == per_token


def test_an_aborted_response_has_a_tail_and_no_end_to_end_time() -> None:
    found = figures_of(Stream(texts(100, 200), ended=225, completion_tokens=3, is_complete=False))
    assert found["tail_ms"] == 25
    assert math.isnan(found["e2e_ms"])
    assert math.isnan(found["e2e_tokens_per_s"])


def test_where_the_request_is_not_known_every_figure_counted_from_it_is_unknown() -> None:
    stream = Stream(texts(100, 200), requested=NAN, headers=40, first_event=90, ended=225, completion_tokens=3)
    found = figures_of(stream)
    unknown = {"headers_ms", "first_event_ms", "ttft_ms", "ttfo_ms", "e2e_ms", "e2e_tokens_per_s"}
    assert {name for name, value in found.items() if math.isnan(value)} == unknown
    assert (found["after_headers_ms"], found["streaming_ms"], found["tpot_ms"]) == (60, 100, 50)


def test_without_an_end_the_tail_and_the_end_to_end_time_are_unknown() -> None:
    found = figures_of(Stream(texts(100, 200), completion_tokens=3))
    assert math.isnan(found["tail_ms"])
    assert math.isnan(found["e2e_ms"])


def test_each_response_of_a_ragged_array_has_the_figures_it_has_alone() -> None:
    made = [
        FIVE_CHUNKS,
        Stream([]),
        Stream(texts(100), completion_tokens=1),
        Stream(texts(100, 400, 700), requested=NAN, ended=900, completion_tokens=8, is_complete=False),
        Stream([]),
        Stream([(5, "reasoning", 2), *texts(6, 6, 6, 6, 6, 900)], completion_tokens=9, reasoning_tokens=2),
    ]
    together = figures(streams_of(*made))
    for place, stream in enumerate(made):
        alone = figures_of(stream)
        found = {name: float(values[place]) for name, values in together.items()}
        assert found == pytest.approx(alone, nan_ok=True, rel=1e-12)


def test_no_response_gives_empty_figures() -> None:
    found = figures(streams_of())
    assert tuple(found) == FIGURES
    assert all(values.shape == (0,) and values.dtype == np.float64 for values in found.values())
