"""How an answer ends: the recorded reason in each API's words; what was cut off stays cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatkit.models import Message
from tests.server.compatible.conftest import CHAT, HELLO, MESSAGES, RESPONSES, answer

if TYPE_CHECKING:
    from chatkit.store import Context
    from tests.server.compatible.conftest import Provider

REASONS = [  # recorded; chat, messages, responses (a status, or why it is incomplete)
    ("stop", "stop", "end_turn", "completed"),
    ("end_turn", "stop", "end_turn", "completed"),
    ("completed", "stop", "end_turn", "completed"),
    ("length", "length", "max_tokens", "max_output_tokens"),
    ("max_tokens", "length", "max_tokens", "max_output_tokens"),
    ("max_output_tokens", "length", "max_tokens", "max_output_tokens"),
    ("MAX_TOKENS", "length", "max_tokens", "max_output_tokens"),
    ("tool_calls", "tool_calls", "tool_use", "completed"),
    ("function_call", "function_call", "tool_use", "completed"),
    ("tool_use", "tool_calls", "tool_use", "completed"),
    ("content_filter", "content_filter", "refusal", "content_filter"),
    ("SAFETY", "content_filter", "refusal", "content_filter"),
    ("stop_sequence", "stop", "stop_sequence", "completed"),
    ("pause_turn", "stop", "pause_turn", "completed"),
    ("something_new", "something_new", "something_new", "completed"),
    (None, "stop", "end_turn", "completed"),  # a client needs to be told something
]


@pytest.mark.parametrize(("recorded", "chat", "messages", "responses"), REASONS)
def test_the_reason_is_told_in_the_words_of_the_api(
    provider: Provider, context: Context, recorded: str | None, chat: str, messages: str, responses: str
) -> None:
    message = context.append_message(Message.from_response(answer(*HELLO, finish_reason=recorded)))
    model = f"replay:{message.message_id}"
    assert provider.stream(CHAT, message).data[-2]["choices"][0]["finish_reason"] == chat
    assert provider.ask(CHAT, model).json["choices"][0]["finish_reason"] == chat
    assert provider.stream(MESSAGES, message).data[-2]["delta"]["stop_reason"] == messages
    assert provider.ask(MESSAGES, model).json["stop_reason"] == messages
    for response in (provider.stream(RESPONSES, message).data[-1]["response"], provider.ask(RESPONSES, model).json):
        assert (response["incomplete_details"] or {}).get("reason", response["status"]) == responses


def test_responses_that_called_a_tool_say_completed_which_others_word_otherwise(
    provider: Provider, context: Context
) -> None:
    response = answer((100.0, "tool_call", "{}"), finish_reason="completed")
    message = context.append_message(Message.from_response(response))
    assert provider.stream(CHAT, message).data[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert provider.stream(MESSAGES, message).data[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize("reason", ["aborted", "interrupted"])
def test_what_was_cut_off_ends_without_a_word(provider: Provider, context: Context, reason: str) -> None:
    message = context.append_message(Message.from_response(answer(*HELLO, finish_reason=reason)))
    chat = provider.stream(CHAT, message)
    assert chat.data[-1]["choices"][0]["delta"] == {"content": "world"}
    assert chat.ended_ms == pytest.approx(300)
    assert provider.stream(MESSAGES, message).data[-1]["type"] == "content_block_delta"
    assert provider.stream(RESPONSES, message).data[-1]["type"] == "response.output_text.delta"
    assert provider.ask(CHAT, f"replay:{message.message_id}").json["choices"][0]["finish_reason"] is None


@pytest.mark.parametrize("error", [{"message": "out of memory", "code": 500}, "out of memory"])
def test_an_error_is_told_again_as_the_api_tells_it(provider: Provider, context: Context, error: object) -> None:
    response = answer(*HELLO, finish_reason="error", metadata={"error": error})
    message = context.append_message(Message.from_response(response))
    assert provider.stream(CHAT, message).data[-1]["error"]["message"] == "out of memory"
    said = provider.stream(MESSAGES, message).data[-1]
    assert (said["type"], said["error"]["message"]) == ("error", "out of memory")
    failed = provider.stream(RESPONSES, message).data[-1]
    assert (failed["type"], failed["response"]["error"]["message"]) == ("response.failed", "out of memory")


def test_who_wants_the_whole_of_an_answer_that_broke_gets_the_error_at_its_time(
    provider: Provider, context: Context
) -> None:
    response = answer(*HELLO, finish_reason="error", metadata={"error": "out of memory"})
    message = context.append_message(Message.from_response(response))
    found = provider.ask(CHAT, f"replay:{message.message_id}")
    assert (found.status, found.json["error"]["message"]) == (500, "out of memory")
    assert found.headers_ms == pytest.approx(300)
