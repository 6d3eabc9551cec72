"""What the events of each provider mean, by the provider's own documentation. Figures are worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.capture import record
from tests.capture.tapes import at_10_ms, kinds, recorded, response_of

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import Response


def counts(response: Response) -> dict[str, int]:
    """The tokens that are known."""
    assert response.usage is not None
    return {name: number for name, number in response.usage.to_dict().items() if number is not None}


def chat(delta: dict[str, Any], index: int = 0, reason: str | None = None) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": index, "delta": delta, "finish_reason": reason}], "usage": None}


def test_openai_chat_gives_reasoning_text_and_tool_calls(tmp_path: Path) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"a"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    usage = {
        "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 20},
    }  # fmt: skip
    events = [
        chat({"role": "assistant", "content": ""}),
        chat({"reasoning_content": "Hm"}),
        chat({"content": "Hi"}),
        chat({"tool_calls": [call]}),
        chat({"tool_calls": [rest]}),
        chat({}, reason="tool_calls"),
        {"model": "m-1", "choices": [], "usage": usage},
    ]
    response = response_of(recorded(tmp_path, *at_10_ms(events)))
    assert kinds(response) == [
        (20, "reasoning", "Hm"), (30, "text", "Hi"), (40, "tool_call", '{"a"'), (50, "tool_call", ": 1}"),
    ]  # fmt: skip
    assert counts(response) == {
        "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130, "cached_tokens": 64, "reasoning_tokens": 20,
    }  # fmt: skip
    assert (response.content, response.model, response.finish_reason) == ("Hi", "m-1", "tool_calls")
    assert response.metadata.raw_usage == usage
    assert response.figures["ttft_ms"] == 20
    assert response.figures["first_event_ms"] == 10
    assert response.figures["e2e_ms"] == 70


def test_each_choice_becomes_a_message_and_their_common_usage_is_nobodys(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    events = [
        chat({"content": "a"}), chat({"content": "b"}, index=1), chat({"content": "A"}),
        chat({}, reason="stop"), chat({"content": "B"}, index=1), chat({}, index=1, reason="length"),
        {"choices": [], "usage": usage},
    ]  # fmt: skip
    request = {"messages": [{"role": "user", "content": "Two of them?"}], "n": 2}
    recorder = recorded(tmp_path, *at_10_ms(events), request=request)
    first, second = (message.streaming_response for message in recorder.messages)
    assert first is not None
    assert second is not None
    assert (first.content, first.finish_reason, first.usage) == ("aA", "stop", None)
    assert (second.content, second.finish_reason, second.usage) == ("bB", "length", None)
    assert first.metadata.raw_usage == second.metadata.raw_usage == usage
    assert first.started_at == second.started_at
    assert kinds(second) == [(20, "text", "b"), (50, "text", "B")]
    assert recorder.message.message_id == recorder.message_id == recorder.messages[0].message_id
    assert {message.parent_id for message in recorder.messages} == {recorder.message.parent_id} != {None}


def test_a_refusal_is_text(tmp_path: Path) -> None:
    in_chat = [chat({"refusal": "I "}), chat({"refusal": "can't."}), chat({}, reason="stop")]
    assert response_of(recorded(tmp_path, *at_10_ms(in_chat))).content == "I can't."
    in_responses = [{"type": "response.refusal.delta", "delta": "No.", "item_id": "i", "output_index": 0}]
    assert response_of(recorded(tmp_path, *at_10_ms(in_responses))).content == "No."


def test_openai_responses_count_input_and_output(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 75, "input_tokens_details": {"cached_tokens": 32}, "output_tokens": 60,
        "output_tokens_details": {"reasoning_tokens": 48}, "total_tokens": 135,
    }  # fmt: skip
    events = [
        {"type": "response.created", "response": {"model": "o-1", "status": "in_progress", "usage": None}},
        {"type": "response.reasoning_summary_text.delta", "delta": "Hm"},
        {"type": "response.output_text.delta", "delta": "Leaves"},
        {"type": "response.output_text.done", "text": "Leaves"},
        {"type": "response.function_call_arguments.delta", "delta": "{}"},
        {"type": "response.function_call_arguments.done", "arguments": "{}"},
        {"type": "response.completed", "response": {"model": "o-1", "status": "completed", "usage": usage}},
    ]
    response = response_of(recorded(tmp_path, *at_10_ms(events)))
    assert kinds(response) == [(20, "reasoning", "Hm"), (30, "text", "Leaves"), (50, "tool_call", "{}")]
    assert counts(response) == {
        "prompt_tokens": 75, "completion_tokens": 60, "total_tokens": 135, "cached_tokens": 32, "reasoning_tokens": 48,
    }  # fmt: skip
    assert (response.model, response.finish_reason) == ("o-1", "completed")


def anthropic(*deltas: dict[str, Any], usage: dict[str, Any], last_usage: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": {"model": "c-1", "content": [], "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last_usage},
        {"type": "message_stop"},
    ]


def test_anthropics_cached_and_cache_writing_input_is_part_of_the_whole_input(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 50, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200, "output_tokens": 1,
    }  # fmt: skip
    last = {"input_tokens": 50, "cache_read_input_tokens": 1000, "output_tokens": 42}  # cumulative, not to be added
    events = anthropic(
        {"type": "thinking_delta", "thinking": "Hm"},
        {"type": "signature_delta", "signature": "x"},
        {"type": "text_delta", "text": "Bees"},
        {"type": "input_json_delta", "partial_json": "{}"},
        usage=usage,
        last_usage=last,
    )
    recorder = recorded(tmp_path, *at_10_ms(events))
    response = response_of(recorder)
    assert [chunk[1:] for chunk in kinds(response)] == [("reasoning", "Hm"), ("text", "Bees"), ("tool_call", "{}")]
    assert counts(response) == {
        "prompt_tokens": 1250, "completion_tokens": 42, "total_tokens": 1292, "cached_tokens": 1000,
        "cache_write_tokens": 200,
    }  # fmt: skip
    assert (response.finish_reason, recorder.n_unknown_events) == ("end_turn", 0)


def test_what_anthropics_helper_says_again_is_not_counted_twice(tmp_path: Path) -> None:
    events = anthropic(
        {"type": "text_delta", "text": "Bees"}, usage={"input_tokens": 1}, last_usage={"output_tokens": 2}
    )
    helped = [*events[:4], {"type": "text", "text": "Bees", "snapshot": "Bees"}, *events[4:]]
    recorder = recorded(tmp_path, *at_10_ms(helped))
    assert (recorder.message.content, recorder.n_unknown_events) == ("Bees", 0)


def gemini(*parts: dict[str, Any], usage: dict[str, Any] | None = None, reason: str | None = None) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}} | ({"finishReason": reason} if reason else {})
    return {"candidates": [candidate], "modelVersion": "g-1"} | ({"usageMetadata": usage} if usage else {})


def test_gemini_counts_tool_results_as_input_and_thoughts_as_output(tmp_path: Path) -> None:
    usage = {
        "promptTokenCount": 100, "toolUsePromptTokenCount": 20, "candidatesTokenCount": 7, "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 64, "totalTokenCount": 157,
    }  # fmt: skip
    events = [
        gemini({"text": "Hm", "thought": True}, usage={"promptTokenCount": 100, "thoughtsTokenCount": 10}),
        gemini({"text": "Bees"}),
        gemini({"functionCall": {"name": "look", "args": {"wo": "Köln"}}}),
        gemini(usage=usage, reason="STOP"),
    ]
    response = response_of(recorded(tmp_path, *at_10_ms(events)))
    assert kinds(response) == [(10, "reasoning", "Hm"), (20, "text", "Bees"), (30, "tool_call", '{"wo": "Köln"}')]
    assert counts(response) == {
        "prompt_tokens": 120, "completion_tokens": 37, "total_tokens": 157, "cached_tokens": 64, "reasoning_tokens": 30,
    }  # fmt: skip
    assert (response.model, response.finish_reason) == ("g-1", "STOP")
    assert response.metadata.raw_usage == usage


def test_a_prompt_that_gemini_blocks_has_an_end_and_no_text(tmp_path: Path) -> None:
    event = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    response = response_of(recorded(tmp_path, (10, event)))
    assert (response.content, response.finish_reason) == ("", "SAFETY")
    assert counts(response) == {"prompt_tokens": 9}


def test_bare_texts_are_a_response_without_usage_or_finish_reason(tmp_path: Path) -> None:
    response = response_of(recorded(tmp_path, (12, "Hel"), (15, ""), (15.5, "lo")))
    assert kinds(response) == [(12, "text", "Hel"), (15.5, "text", "lo")]
    assert (response.usage, response.finish_reason, response.status) == (None, None, "complete")


def test_an_error_in_mid_stream_keeps_what_came(tmp_path: Path) -> None:
    says = {"type": "overloaded_error", "message": "Overloaded"}
    start = anthropic({"type": "text_delta", "text": "Bees"}, usage={"input_tokens": 9}, last_usage={})[:4]
    broken = {
        "anthropic": [*start, {"type": "error", "error": says}],
        "chat": [chat({"content": "Bees"}), {"error": says}],
        "gemini": [gemini({"text": "Bees"}, usage={"promptTokenCount": 9}), {"error": says}],
    }
    for events in broken.values():
        response = response_of(recorded(tmp_path, *at_10_ms(events)))
        assert (response.content, response.finish_reason, response.metadata.error) == ("Bees", "error", says)
    assert response.usage is not None
    assert response.usage.prompt_tokens == 9


def test_events_of_unknown_shape_are_skipped_and_counted(tmp_path: Path) -> None:
    strange = [{"type": "novelty"}, 7, None, ["x"], object()]
    recorder = recorded(tmp_path, *at_10_ms([chat({"content": "a"}), *strange, chat({"content": "b"})]))
    assert (recorder.message.content, recorder.n_unknown_events) == ("ab", 5)


def test_times_are_rounded_down_to_us_from_wall_time_and_monotonic_time(tmp_path: Path) -> None:
    response = response_of(
        recorded(tmp_path, (0.000_689, "a"), (0.000_690, "b"))
    )  # ms: 310 + 689 ns is 1 ns short of 1 µs
    assert response.started_at.microsecond == 81976
    assert [chunk.timestamp.microsecond for chunk in response.chunks] == [81976, 81977]


def test_times_never_go_back_when_the_machines_clock_is_set(tmp_path: Path) -> None:
    response = response_of(recorded(tmp_path, (1, "a"), (2, "b"), (2, "c")))
    assert [chunk.interval_ms for chunk in response.chunks] == [None, 1, 0]


@pytest.mark.parametrize("count", ["1e999", "1" + 30 * "0", "-1" + 30 * "0"])
def test_a_count_that_no_file_or_column_holds_is_unknown_and_spoils_no_answer(count: str, tmp_path: Path) -> None:
    usage = f'{{"prompt_tokens": 3, "completion_tokens": {count}}}'
    pieces = [
        b'data: {"choices": [{"delta": {"content": "One"}, "finish_reason": "stop"}]}\n\n',
        f'data: {{"choices": [], "usage": {usage}, "timings": {{"predicted_ms": {count}}}}}\n\n'.encode(),
    ]
    with record(tmp_path) as recorder:
        list(recorder.tee(iter(pieces)))
    response = response_of(recorder)
    assert (response.content, response.finish_reason) == ("One", "stop")
    assert response.usage is None or response.usage.completion_tokens is None
    [context] = ck.Store(tmp_path).contexts()
    assert context.messages() == [recorder.message]


def test_an_error_that_no_file_holds_is_kept_without_what_is_wrong(tmp_path: Path) -> None:
    with record(tmp_path) as recorder:
        list(recorder.tee(iter([b'data: {"error": {"message": "full", "after_s": 1e999}}\n\n'])))
    assert response_of(recorder).metadata.error == {"message": "full", "after_s": None}
