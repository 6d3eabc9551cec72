"""What a message says of itself, and what of it was seen when."""

from __future__ import annotations

import math

import pytest

from chatkit.models import Message, Usage
from tests.models.examples import CONTEXT_ID, MESSAGE_ID, SENT, answer, first_chunk_answer, message_of, response_file

STREAMED = message_of(answer((100, "Hel"), (150, "mm", "reasoning"), (200, "lo"), (300, "!"), end_ms=350))


@pytest.mark.parametrize(
    ("ms", "seen"),
    [
        (-1, ""), (0, ""), (99.999, ""), (100, "Hel"), (150, "Hel"), (199.999, "Hel"), (200, "Hello"),
        (300, "Hello!"), (math.inf, "Hello!"), (-math.inf, ""),
    ],
)  # fmt: skip
def test_what_was_seen_at_a_moment_is_the_answer_text_that_had_come(ms: float, seen: str) -> None:
    assert STREAMED.text_at(ms) == seen


def test_what_was_seen_at_no_moment_is_an_error() -> None:
    with pytest.raises(ValueError, match="NaN"):
        STREAMED.text_at(math.nan)


@pytest.mark.parametrize(("ms", "seen"), [(-0.001, ""), (0, "Hi"), (1e9, "Hi")])
def test_plain_text_was_there_from_the_beginning(ms: float, seen: str) -> None:
    assert Message.from_text("Hi").text_at(ms) == seen


def test_where_the_request_is_not_known_time_counts_from_the_first_chunk() -> None:
    message = message_of(first_chunk_answer((0, "a"), (50, "b")))
    assert [message.text_at(ms) for ms in (-1, 0, 49, 50)] == ["", "a", "a", "ab"]


def test_a_character_cut_in_two_is_whole_when_its_second_half_has_come() -> None:
    message = message_of(answer((10, "a\ud83d"), (20, "\ude00")))
    assert (message.text_at(15), message.text_at(20)) == ("a\ud83d", "a😀")


def test_chunks_that_came_out_of_order_are_shown_by_their_own_time() -> None:
    message = message_of(answer((10, "a"), (30, "b"), (20, "c")))
    assert (message.text_at(20), message.text_at(30)) == ("ac", "abc")


def test_a_response_describes_model_chunks_time_first_token_usage_and_end() -> None:
    message = message_of(
        answer(
            (103, "a"), (1000, "b"), end_ms=2700, model="gemma", finish_reason="stop",
            usage=Usage(prompt_tokens=257, completion_tokens=80),
        )
    )  # fmt: skip
    assert message.describe() == (
        "7b1c3f5e assistant streaming_response: gemma, 2 chunks, 2.70 s, TTFT 103 ms, 257 + 80 tokens, stop"
    )


def test_a_response_that_still_streams_says_so_and_leaves_out_what_is_not_known() -> None:
    assert message_of(first_chunk_answer((0, "a"))).describe() == (
        "7b1c3f5e assistant streaming_response: 1 chunk, 0 ms, TTFT unknown, streaming"
    )


def test_a_text_describes_its_length() -> None:
    message = Message.from_text("x" * 1234, message_id=MESSAGE_ID)
    assert message.describe() == "7b1c3f5e user text: 1,234 chars"
    assert repr(message) == f"<Message {message.describe()}>"


def test_a_response_as_text_keeps_id_role_parents_and_labels_and_loses_its_chunks() -> None:
    message = Message.model_validate(response_file())
    text = message.to_text()
    assert (text.message_type, text.content, text.streaming_response) == ("text", " Chloroplast", None)
    kept = {"message_id", "context_id", "parent_id", "position", "branch", "role", "created_at", "metadata", "later"}
    before, after = message.to_dict(), text.to_dict()
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert after.keys() == kept | {"schema", "message_type", "text"}


def test_a_text_as_text_is_itself() -> None:
    message = Message.from_text("Hi")
    assert message.to_text() is message


def test_another_kind_as_text_has_its_content() -> None:
    content = {"message_id": MESSAGE_ID, "role": "tool", "message_type": "tool_result", "tool_result": {"content": "4"}}
    text = Message.model_validate(content).to_text()
    assert (text.message_type, text.content, text.role) == ("text", "4", "tool")
    assert "tool_result" not in text.to_dict()


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        ({"content": "a"}, "a"),
        ({"text": "b"}, "b"),
        ({"n": "ü"}, '{"n": "ü"}'),
        ("plain", "plain"),
        ([1], "[1]"),
        ({}, "{}"),
    ],
)
def test_a_kind_without_text_of_its_own_is_shown_as_json(payload: object, content: str) -> None:
    message = Message.model_validate({"message_id": MESSAGE_ID, "role": "tool", "message_type": "x", "x": payload})
    assert message.content == content


def test_a_message_made_from_a_response_was_created_when_the_request_was_sent() -> None:
    message = Message.from_response(answer((1, "a")), context_id=CONTEXT_ID, metadata={"scenario": "idle"})
    assert (message.created_at, message.role, message.message_type) == (SENT, "assistant", "streaming_response")
    assert (message.context_id, message.metadata, message.content) == (CONTEXT_ID, {"scenario": "idle"}, "a")


def test_messages_made_without_an_id_get_one_each() -> None:
    assert Message.from_text("a").message_id != Message.from_text("a").message_id
