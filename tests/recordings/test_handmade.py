"""Captures made by hand: times, endings and usage that the recordings lack.

Figures are worked out by hand beside each test, from times in whole ms after the request; headers always come
at 100 ms.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.recordings.hand_made import CAPTURES
from tests.recordings.imported import message_id_of

if TYPE_CHECKING:
    from tests.recordings.hand_made import HandMade

each_capture = pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)


@each_capture
def test_each_capture_says_that_it_is_made_by_hand_and_what_it_shows(path: Path) -> None:
    label = json.loads(path.read_text(encoding="utf-8").split("\n")[0])["label"]
    assert label["scenario"] == "hand-made"
    assert label["note"]


def test_there_is_one_response_a_choice_and_nothing_else(handmade: HandMade) -> None:
    two_choices = next(path for path in CAPTURES if path.stem == "several-choices")
    expected = [*map(message_id_of, CAPTURES), message_id_of(two_choices, 1)]
    assert sorted(handmade.imported.responses) == sorted(expected)


def test_the_import_names_the_captures_that_were_cut(handmade: HandMade) -> None:
    assert [Path(name).stem for name in handmade.imported.report.cut] == ["cut-last-line", "cut-while-written"]
    assert handmade.imported.report.unreadable == []


def test_pieces_of_one_read_have_gaps_of_zero_that_count(handmade: HandMade) -> None:
    # "One" and " two" at 200, " three" and " four" at 240, " five" at 290; finish at 300, end at 310; 6 tokens
    assert not handmade.differences(
        "several-chunks-in-one-read",
        ttft_ms=200,
        n_chunks=5,
        n_reads=3,
        n_chars=23,  # 3 + 4 + 6 + 5 + 5
        gap_p50_ms=20,  # gaps 0, 40, 0, 50, sorted 0, 0, 40, 50: half-way from 0 to 40
        gap_p99_ms=49.7,  # rank 0.99 * 3 = 2.97: 40 + 0.97 * 10
        gap_max_ms=50,
        n_stalls=0,
        stalled_ms=0,
        streaming_ms=90,  # 290 - 200
        tail_ms=20,  # 310 - 290
        e2e_ms=310,
        tpot_ms=20,  # (300 - 200) / 5
        tokens_per_s=50,
        e2e_tokens_per_s=6 / 0.310,
        chars_per_s=20 / 0.090,  # 23 without the first three
        chunks_per_token=5 / 6,
    )
    assert handmade.column("several-chunks-in-one-read", "gap_ms") == [None, 0, 40, 0, 50]
    assert handmade.column("several-chunks-in-one-read", "elapsed_ms") == [0, 0, 40, 40, 90]


def test_an_event_with_only_the_role_is_not_the_first_chunk(handmade: HandMade) -> None:
    # role at 120, "Now" at 200, "." at 220, finish at 230; 3 tokens
    assert not handmade.differences(
        "role-only-early",
        headers_ms=100,
        first_event_ms=120,
        ttft_ms=200,
        ttfo_ms=200,
        after_headers_ms=100,  # 200 - 100
        n_chunks=2,
        gap_max_ms=20,
        tpot_ms=15,  # (230 - 200) / 2
    )


def test_an_incomplete_answer_of_the_responses_api_gives_its_reason(handmade: HandMade) -> None:
    # text at 150 and 170, response.incomplete at 180; 3 tokens
    assert not handmade.differences(
        "incomplete-responses",
        finish_reason="max_output_tokens",
        status="complete",
        n_chunks=2,
        completion_tokens=3,
        tpot_ms=15,  # (180 - 150) / 2
    )


def test_an_openai_error_in_mid_stream_ends_the_response_as_an_error(handmade: HandMade) -> None:
    # text at 150 and 170, the error at 400, end at 410; the twelfth capture starts at 08:12
    assert not handmade.differences(
        "error-openai",
        finish_reason="error",
        status="error",
        completed_at=datetime(2027, 1, 15, 8, 12, tzinfo=UTC) + timedelta(milliseconds=410),
        ttft_ms=150,
        n_chunks=2,
        tail_ms=240,  # 410 - 170
        e2e_ms=None,
        completion_tokens=None,
        tpot_ms=None,
    )
    response = handmade.response("error-openai")
    assert response.content == "All is"
    assert response.metadata.error == {"message": "The model crashed.", "type": "server_error", "code": 500}


def test_an_anthropic_error_in_mid_stream_leaves_the_output_uncounted(handmade: HandMade) -> None:
    # message_start says 20 tokens of input and a first count of 3 of output, which no message_delta replaces
    assert not handmade.differences(
        "error-anthropic",
        finish_reason="error",
        status="error",
        n_chunks=2,
        e2e_ms=None,
        prompt_tokens=20,
        completion_tokens=None,
        total_tokens=None,
        tpot_ms=None,
        chunks_per_token=None,
    )
    error = handmade.response("error-anthropic").metadata.error
    assert error == {"type": "overloaded_error", "message": "Overloaded"}


def test_each_of_several_choices_is_a_response_without_usage_of_its_own(handmade: HandMade) -> None:
    # choice 0: "Yes" at 160, "." at 200; choice 1: "No" at 170, ", never" at 230, "." at 260; end at 290
    unknown: dict[str, Any] = dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "tpot_ms", "tokens_per_s", "e2e_tokens_per_s", "chunks_per_token")
    )
    assert not handmade.differences(
        "several-choices",
        ttft_ms=160,
        n_chunks=2,
        n_chars=4,
        streaming_ms=40,  # 200 - 160
        e2e_ms=290,
        finish_reason="stop",
        **unknown,
    )
    assert not handmade.differences(
        "several-choices",
        choice=1,
        ttft_ms=170,
        n_chunks=3,
        n_chars=10,
        streaming_ms=90,  # 260 - 170
        e2e_ms=290,
        finish_reason="length",
        **unknown,
    )
    whole = {"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 19}
    for choice, content in enumerate(["Yes.", "No, never."]):
        response = handmade.response("several-choices", choice)
        assert response.content == content
        assert response.usage is None
        assert response.metadata.raw_usage == whole
    first, second = (handmade.message("several-choices", choice) for choice in (0, 1))
    assert first.parent_id == second.parent_id
    assert first.context_id == second.context_id


def test_a_capture_cut_in_its_last_line_keeps_what_stands_before(handmade: HandMade) -> None:
    # "Half" at 150, " a" at 180; the line of the third chunk is cut
    assert not handmade.differences(
        "cut-last-line", finish_reason="interrupted", status="interrupted", n_chunks=2, e2e_ms=None
    )
    assert handmade.response("cut-last-line").content == "Half a"


def test_a_capture_whose_writer_died_has_no_end(handmade: HandMade) -> None:
    assert not handmade.differences(
        "cut-while-written",
        finish_reason="interrupted",
        status="interrupted",
        completed_at=None,
        ttft_ms=150,
        n_chunks=2,
        tail_ms=None,
        e2e_ms=None,
    )
    assert handmade.response("cut-while-written").content == "Half a"


def test_an_answer_without_text_has_an_end_but_no_first_chunk(handmade: HandMade) -> None:
    # role at 150, finish at 160, end at 170; 1 token
    assert not handmade.differences(
        "empty",
        status="complete",
        headers_ms=100,
        first_event_ms=150,
        ttft_ms=None,
        ttfo_ms=None,
        after_headers_ms=None,
        streaming_ms=None,
        tail_ms=None,
        e2e_ms=170,
        n_chunks=0,
        n_reads=0,
        n_chars=0,
        gap_p50_ms=None,
        n_stalls=None,
        stalled_ms=None,
        completion_tokens=1,
        tpot_ms=None,
        e2e_tokens_per_s=1 / 0.170,
        chunks_per_token=0,
    )
    assert handmade.column("empty", "delta") == []
    assert handmade.response("empty").content == ""


def test_without_usage_every_figure_of_tokens_is_unknown(handmade: HandMade) -> None:
    # "Plain" at 150, " text" at 190, finish at 200
    assert not handmade.differences(
        "no-usage",
        prompt_tokens=None,
        completion_tokens=None,
        total_tokens=None,
        cached_tokens=None,
        tpot_ms=None,
        tokens_per_s=None,
        e2e_tokens_per_s=None,
        chunks_per_token=None,
        e2e_ms=210,
        chars_per_s=125,  # 5 in 40 ms
    )
    assert handmade.response("no-usage").usage is None


def test_one_chunk_has_no_gaps_but_a_time_per_token(handmade: HandMade) -> None:
    # one chunk at 200, finish at 240, end at 250; 5 tokens
    assert not handmade.differences(
        "one-chunk",
        ttft_ms=200,
        n_chunks=1,
        n_reads=1,
        n_chars=18,
        streaming_ms=None,
        gap_p50_ms=None,
        gap_p99_ms=None,
        gap_max_ms=None,
        n_stalls=None,
        stalled_ms=None,
        chars_per_s=None,
        tail_ms=50,  # 250 - 200
        tpot_ms=10,  # (240 - 200) / 4
        tokens_per_s=100,
        chunks_per_token=0.2,  # 1 / 5
    )


def test_anthropic_input_is_its_three_parts_and_output_the_last_count(handmade: HandMade) -> None:
    # "Warm" at 150, " start" at 198, message_delta at 246; input 10 + 1,000 read + 200 written; output 25
    assert not handmade.differences(
        "anthropic-cache",
        prompt_tokens=1210,
        cached_tokens=1000,
        cache_write_tokens=200,
        completion_tokens=25,
        total_tokens=1235,
        tpot_ms=4,  # (246 - 150) / 24
    )
