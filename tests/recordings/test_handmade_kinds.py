"""Captures made by hand: reasoning, tool calls, and characters that came in parts.

Figures are worked out by hand beside each test, from times in whole ms after the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.recordings.hand_made import HandMade


def test_shown_reasoning_counts_for_ttft_but_is_no_answer_text(handmade: HandMade) -> None:
    # reasoning at 150, 170, 190; "42" at 250, "." at 270; finish at 290; 8 tokens, 5 of them reasoning
    assert not handmade.differences(
        "reasoning-openai",
        ttft_ms=150,
        ttfo_ms=250,
        n_chunks=5,
        n_chars=3,
        gap_p50_ms=20,  # gaps 20, 20, 60, 20
        gap_p99_ms=58.8,  # 20 + 0.97 * 40
        reasoning_tokens=5,
        tpot_ms=20,  # (290 - 150) / 7
        chars_per_s=50,  # one character in the 20 ms between the two texts
    )
    assert handmade.response("reasoning-openai").content == "42."
    assert handmade.column("reasoning-openai", "kind") == ["reasoning"] * 3 + ["text"] * 2
    assert handmade.column("reasoning-openai", "delta") == ["Let", " me", " think", "42", "."]
    assert handmade.column("reasoning-openai", "accumulated_chars") == [0, 0, 0, 2, 3]


def test_anthropic_thinking_is_reasoning_and_its_signature_is_nothing(handmade: HandMade) -> None:
    # message_start at 120, thinking at 130 and 160, text at 200 and 240, message_delta at 250, end at 260
    assert not handmade.differences(
        "reasoning-anthropic",
        first_event_ms=120,
        ttft_ms=130,
        ttfo_ms=200,
        n_chunks=4,
        n_chars=4,
        tail_ms=20,  # 260 - 240
        prompt_tokens=20,
        completion_tokens=13,
        total_tokens=33,
        reasoning_tokens=None,
        tpot_ms=10,  # (250 - 130) / 12
        finish_reason="end_turn",
    )
    assert handmade.response("reasoning-anthropic").content == "Yes!"
    assert handmade.column("reasoning-anthropic", "delta") == ["Hm", ", yes", "Yes", "!"]
    assert handmade.column("reasoning-anthropic", "kind") == ["reasoning", "reasoning", "text", "text"]


def test_hidden_reasoning_leaves_the_time_per_token_unknown(handmade: HandMade) -> None:
    # 2 chunks; 40 tokens, 30 of them reasoning that no chunk shows; end at 1,000
    assert not handmade.differences(
        "reasoning-hidden",
        completion_tokens=40,
        reasoning_tokens=30,
        tpot_ms=None,
        tokens_per_s=None,
        e2e_tokens_per_s=40,  # 40 tokens in the whole second
        chunks_per_token=0.05,  # 2 / 40
    )


def test_openai_tool_calls_are_chunks_from_their_first_argument_on(handmade: HandMade) -> None:
    # name and empty argument at 150, '{"city":' at 180, ' "Oslo"}' at 200, finish at 210; 6 tokens
    assert not handmade.differences(
        "tool-call-openai",
        first_event_ms=150,
        ttft_ms=180,
        ttfo_ms=None,
        n_chunks=2,
        n_chars=0,
        streaming_ms=20,
        tpot_ms=6,  # (210 - 180) / 5
        chars_per_s=None,
        finish_reason="tool_calls",
    )
    assert handmade.response("tool-call-openai").content == ""
    assert handmade.column("tool-call-openai", "kind") == ["tool_call", "tool_call"]
    assert "".join(handmade.column("tool-call-openai", "delta")) == '{"city": "Oslo"}'


def test_anthropic_tool_calls_follow_the_text(handmade: HandMade) -> None:
    # text at 150, arguments at 190 and 210 (an empty one at 160), message_delta at 220; 15 tokens
    assert not handmade.differences(
        "tool-call-anthropic",
        ttft_ms=150,
        ttfo_ms=150,
        n_chunks=3,
        n_chars=10,  # I'll look.
        gap_max_ms=40,  # 190 - 150
        tpot_ms=5,  # (220 - 150) / 14
        chars_per_s=None,  # one text chunk
        finish_reason="tool_use",
    )
    assert handmade.response("tool-call-anthropic").content == "I'll look."
    assert handmade.column("tool-call-anthropic", "delta") == ["I'll look.", '{"city": ', '"Oslo"}']
    assert handmade.column("tool-call-anthropic", "kind") == ["text", "tool_call", "tool_call"]
    assert handmade.column("tool-call-anthropic", "accumulated_chars") == [10, 10, 10]


def test_responses_function_calls_are_not_counted_twice_by_their_done_events(handmade: HandMade) -> None:
    # arguments at 160 and 185, response.completed at 200, end at 205; 9 tokens
    assert not handmade.differences(
        "tool-call-responses",
        ttft_ms=160,
        ttfo_ms=None,
        n_chunks=2,
        prompt_tokens=50,
        cached_tokens=32,
        completion_tokens=9,
        total_tokens=59,
        reasoning_tokens=0,
        tpot_ms=5,  # (200 - 160) / 8
        tail_ms=20,  # 205 - 185
        finish_reason="completed",
    )
    assert "".join(handmade.column("tool-call-responses", "delta")) == '{"city": "Oslo"}'
    assert handmade.column("tool-call-responses", "kind") == ["tool_call", "tool_call"]


def test_a_character_cut_in_two_is_one_character(handmade: HandMade) -> None:
    # "Hi " and the first half at 150, the second half and "!" at 180
    assert not handmade.differences("character-cut-in-two", n_chunks=2, n_chars=5, chars_per_s=1 / 0.030)
    response = handmade.response("character-cut-in-two")
    assert response.content == "Hi 😀!"
    assert [chunk.delta for chunk in response.chunks] == ["Hi \ud83d", "\ude00!"]
    assert handmade.column("character-cut-in-two", "n_chars") == [4, 1]
    assert handmade.column("character-cut-in-two", "accumulated_chars") == [4, 5]
    # a column holds valid Unicode only, so each lone half stands as U+FFFD there
    assert handmade.column("character-cut-in-two", "delta") == ["Hi \ufffd", "\ufffd!"]


def test_combining_marks_stay_in_the_delta_they_came_in(handmade: HandMade) -> None:
    # "Cafe", U+0301, " 👩", U+200D and a rocket, 20 ms apart: 4 + 1 + 2 + 2 code points
    assert not handmade.differences("combining-marks", n_chunks=4, n_chars=9, chars_per_s=5 / 0.060)
    assert handmade.response("combining-marks").content == "Cafe\u0301 \U0001f469\u200d\U0001f680"
    assert handmade.column("combining-marks", "accumulated_chars") == [4, 5, 7, 9]
    assert handmade.column("combining-marks", "delta")[1] == "\u0301"
