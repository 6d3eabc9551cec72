"""What is sent: the events of each API, made of chunks of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chatkit.models import Message
from tests.server.compatible.conftest import CHAT, HELLO, MESSAGES, RESPONSES, answer

if TYPE_CHECKING:
    from chatkit.store import Context
    from tests.server.compatible.conftest import Provider

MIXED = (
    (100.0, "reasoning", "Let me "), (110.0, "reasoning", "look."),
    (120.0, "text", "One moment."),
    (130.0, "tool_call", '{"city":'), (140.0, "tool_call", ' "Rome"}'),
    (150.0, "tool_call", '{"city": "Oslo"}'),
)  # fmt: skip
ROME, OSLO = {"city": "Rome"}, {"city": "Oslo"}


@pytest.fixture
def mixed(context: Context) -> Message:
    """An answer that thinks, says something, and calls a tool twice."""
    return context.append_message(Message.from_response(answer(*MIXED, finish_reason="tool_calls")))


def deltas(events: list[Any]) -> list[Any]:
    return [event["choices"][0]["delta"] for event in events if event != "[DONE]" and event["choices"]]


def test_chat_gives_each_kind_its_key_and_each_call_its_index(provider: Provider, mixed: Message) -> None:
    role, *said, end = deltas(provider.stream(CHAT, mixed).data)
    calls = [delta["tool_calls"][0] for delta in said[3:]]
    assert role == {"role": "assistant", "content": ""}
    assert said[:3] == [{"reasoning_content": "Let me "}, {"reasoning_content": "look."}, {"content": "One moment."}]
    assert [(call["index"], call["function"]["arguments"]) for call in calls] == [
        (0, '{"city":'), (0, ' "Rome"}'), (1, '{"city": "Oslo"}'),
    ]  # fmt: skip
    assert [call.get("type") for call in calls] == ["function", None, "function"]
    assert calls[0]["id"] != calls[2]["id"]
    assert end == {}


def test_messages_gives_each_kind_its_block(provider: Provider, mixed: Message) -> None:
    events = provider.stream(MESSAGES, mixed).data
    blocks = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert blocks == ["thinking", "text", "tool_use", "tool_use"]
    said = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert said[1] == {"type": "thinking_delta", "thinking": "look."}
    assert said[-1] == {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'}
    stops = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert stops == [0, 1, 2, 3]


def test_responses_gives_each_kind_its_item(provider: Provider, mixed: Message) -> None:
    events = provider.stream(RESPONSES, mixed).data
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    added = [event["item"]["type"] for event in events if event["type"] == "response.output_item.added"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert added == ["reasoning", "message", "function_call", "function_call"] == [item["type"] for item in done]
    assert done[2]["arguments"] == '{"city": "Rome"}'
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"] == done


def test_the_whole_answer_says_the_same(provider: Provider, mixed: Message) -> None:
    model = f"replay:{mixed.message_id}"
    chat = provider.ask(CHAT, model).json["choices"][0]
    assert (chat["message"]["content"], chat["message"]["reasoning_content"]) == ("One moment.", "Let me look.")
    assert [call["function"]["arguments"] for call in chat["message"]["tool_calls"]] == [
        '{"city": "Rome"}', '{"city": "Oslo"}',
    ]  # fmt: skip
    blocks = provider.ask(MESSAGES, model).json["content"]
    assert [block.get("input") for block in blocks] == [None, None, ROME, OSLO]
    items = provider.ask(RESPONSES, model).json["output"]
    assert items[0]["content"] == [{"type": "reasoning_text", "text": "Let me look."}]


def test_arguments_that_broke_off_are_given_as_far_as_they_came(provider: Provider, context: Context) -> None:
    response = answer((100.0, "tool_call", '{"city": "Ro'), finish_reason="length")
    message = context.append_message(Message.from_response(response))
    assert provider.ask(MESSAGES, f"replay:{message.message_id}").json["content"][0]["input"] == {"city": "Ro"}


def test_chat_tells_the_usage_in_the_stream_to_who_asks_for_it(provider: Provider, hello: Message) -> None:
    *others, last, done = provider.stream(CHAT, hello, stream_options={"include_usage": True}).data
    assert done == "[DONE]"
    assert (last["choices"], {event["usage"] for event in others}) == ([], {None})
    assert last["usage"] == {
        "prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39, "prompt_tokens_details": {"cached_tokens": 20},
    }  # fmt: skip
    assert all("usage" not in event for event in provider.stream(CHAT, hello).data[:-1])


def test_messages_counts_the_cached_part_of_the_input_apart(provider: Provider, hello: Message) -> None:
    events = provider.stream(MESSAGES, hello).data
    assert events[0]["message"]["usage"] == {"input_tokens": 10, "cache_read_input_tokens": 20}
    assert events[-2]["usage"] == {"output_tokens": 9}


def test_responses_tells_the_usage_at_the_end(provider: Provider, hello: Message) -> None:
    assert provider.stream(RESPONSES, hello).data[-1]["response"]["usage"] == {
        "input_tokens": 30, "output_tokens": 9, "total_tokens": 39, "input_tokens_details": {"cached_tokens": 20},
    }  # fmt: skip


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_usage_that_is_not_known_is_never_0(provider: Provider, context: Context, path: str) -> None:
    message = context.append_message(Message.from_response(answer(*HELLO, usage=None)))
    stream = provider.stream(path, message, stream_options={"include_usage": True}).body
    assert b"_tokens" not in stream + provider.ask(path, f"replay:{message.message_id}").body


def test_what_the_server_measured_itself_is_told_again(provider: Provider, context: Context) -> None:
    timings = {"prompt_ms": 48.2, "predicted_ms": 190.5}
    message = context.append_message(Message.from_response(answer(*HELLO, metadata={"server_timings": timings})))
    chat = provider.stream(CHAT, message, stream_options={"include_usage": True}).data
    assert chat[-2]["timings"] == timings == provider.stream(RESPONSES, message).data[-1]["timings"]


def test_half_a_character_comes_as_it_was_stored(provider: Provider, context: Context) -> None:
    message = context.append_message(Message.from_response(answer((1.0, "text", "\ud83d"), (2.0, "text", "\ude00"))))
    said = [delta.get("content") for delta in deltas(provider.stream(CHAT, message).data)]
    assert said[1:3] == ["\ud83d", "\ude00"]


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_the_model_is_the_recorded_one(provider: Provider, hello: Message, path: str) -> None:
    assert provider.ask(path, f"replay:{hello.message_id}").json["model"] == "a-model"
    assert b'"model":"a-model"' in provider.stream(path, hello).body


def test_an_answer_without_a_word_has_a_beginning_and_an_end(provider: Provider, context: Context) -> None:
    message = context.append_message(Message.from_response(answer()))
    assert [event["type"] for event in provider.stream(MESSAGES, message).data] == [
        "message_start", "message_delta", "message_stop",
    ]  # fmt: skip
    assert provider.stream(CHAT, message).data[-1] == "[DONE]"
    assert provider.stream(RESPONSES, message).data[-1]["response"]["output"] == []
