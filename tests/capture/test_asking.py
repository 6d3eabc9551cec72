"""What a request says that is new is stored before its answer, and nothing is stored twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import chatkit as ck
from chatkit.capture import record
from chatkit.capture.request import system_prompt, turns

if TYPE_CHECKING:
    from pathlib import Path


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def answered(
    store: ck.Store, context_id: str | None, messages: list[Any], answer: str = "", **known: Any
) -> ck.Message:
    with record(store, context_id, request={"model": "m", "messages": messages, **known}) as recorder:
        list(recorder.tee([answer]))
    return recorder.message


def said(store: ck.Store) -> list[tuple[str, str]]:
    (context,) = store.contexts()
    return [(message.role, message.content) for message in context.messages()]


@pytest.fixture
def store(tmp_path: Path) -> ck.Store:
    return ck.Store.create(tmp_path / "store")


@pytest.fixture
def first(store: ck.Store) -> ck.Message:
    """The answer to a first question."""
    return answered(
        store, None, [{"role": "system", "content": "Be brief."}, user("Why\n do leaves turn?")], " Because. "
    )


def test_a_new_context_takes_its_title_model_and_system_prompt_from_the_request(
    store: ck.Store, first: ck.Message
) -> None:
    (context,) = store.contexts()
    assert context.title == "Why do leaves turn?"
    assert context.metadata.config.model_id == "m"
    assert context.branches["main"].system_prompt == "Be brief."
    question, answer = context.messages()
    assert (question.role, question.content) == ("user", "Why\n do leaves turn?")
    assert answer.parent_id == question.message_id
    assert answer.metadata == {"request": {"model": "m"}}
    assert answer.model_dump() == first.model_dump()


def test_a_later_request_adds_only_its_new_messages(store: ck.Store, first: ck.Message) -> None:
    asked = [user("Why\n do leaves turn? "), assistant("Because."), user("And back?")]
    answer = answered(store, first.context_id, asked, "No.")
    assert [text for _, text in said(store)] == ["Why\n do leaves turn?", " Because. ", "And back?", "No."]
    assert store.message(answer.parent_id).parent_id == first.message_id


def test_a_window_of_the_last_turns_adds_only_its_new_messages(store: ck.Store, first: ck.Message) -> None:
    answered(store, first.context_id, [assistant("Because."), user("And back?")], "No.")
    assert [text for _, text in said(store)][2:] == ["And back?", "No."]


def test_the_same_question_again_is_answered_beside_the_first_answer(store: ck.Store, first: ck.Message) -> None:
    again = answered(store, first.context_id, [user("Why\n do leaves turn?")], "Light.")
    assert again.parent_id == first.parent_id
    assert [role for role, _ in said(store)] == ["user", "assistant", "assistant"]
    either = [user("Why\n do leaves turn?"), assistant("Light."), user("More?")]
    later = answered(store, first.context_id, either, "Yes.")
    assert store.message(later.parent_id).parent_id is not None
    assert [text for _, text in said(store)][3:] == ["More?", "Yes."]


def test_a_request_that_does_not_repeat_the_conversation_goes_on_with_it(store: ck.Store, first: ck.Message) -> None:
    answer = answered(store, first.context_id, [user("And back?")], "No.")
    assert store.message(answer.parent_id).parent_id == first.message_id


class SdkMessage(BaseModel):
    """A message as an SDK gives it, which callers put back into the next request."""

    role: str = "assistant"
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


def test_a_tools_answer_follows_the_call(store: ck.Store) -> None:
    call = {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{}"}}]}, "finish_reason": "tool_calls"}]}
    with record(store, request={"messages": [user("Weather?")]}) as recorder:
        list(recorder.tee([call]))
    calling = SdkMessage(tool_calls=[{"id": "c1"}])
    result = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
    answer = answered(store, recorder.message.context_id, [user("Weather?"), calling, result], "Rain.")
    assert said(store) == [("user", "Weather?"), ("assistant", ""), ("tool", "rain"), ("assistant", "Rain.")]
    assert store.message(answer.parent_id).parent_id == recorder.message_id


def called(store: ck.Store, context_id: str | None, messages: list[Any], arguments: str) -> ck.Message:
    call = {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": arguments}}]}}]}
    with record(store, context_id, request={"messages": messages}) as recorder:
        list(recorder.tee([call]))
    return recorder.message


def test_of_two_calls_beside_each_other_a_tool_answers_the_one_that_is_repeated(store: ck.Store) -> None:
    first = called(store, None, [user("Weather?")], '{"at": "Rome"}')
    second = called(store, first.context_id, [user("Weather?")], '{"at": "Oslo"}')
    assert first.parent_id == second.parent_id
    for call, arguments in ((first, '{"at":"Rome"}'), (second, '{"at":"Oslo"}')):
        calling = SdkMessage(tool_calls=[{"function": {"arguments": arguments}}])
        result = {"role": "tool", "content": f"for {arguments}"}
        answer = answered(store, first.context_id, [user("Weather?"), calling, result], "So.")
        assert store.message(answer.parent_id).parent_id == call.message_id
    assert [text for _, text in said(store)] == [
        *("Weather?", "", "", 'for {"at":"Rome"}', "So."),
        *('for {"at":"Oslo"}', "So."),
    ]


def test_a_call_that_a_client_leaves_out_or_a_store_does_not_hold_hides_nothing_else(store: ck.Store) -> None:
    call = called(store, None, [user("Weather?")], '{"at": "Rome"}')
    left_out = [user("Weather?"), {"role": "tool", "content": "rain"}]
    answer = answered(store, call.context_id, left_out, "Rain.")
    assert store.message(answer.parent_id).parent_id == call.message_id
    elsewhere = [
        {"role": "assistant", "tool_calls": [{"function": {"arguments": "1"}}]},
        {"role": "tool", "content": "0"},
    ]
    asked = [*left_out, assistant("Rain."), user("And now?"), *elsewhere]
    assert answered(store, call.context_id, asked, "Sun.").context_id == call.context_id
    answered(store, call.context_id, [*asked, assistant("Sun."), user("Thanks.")], "Welcome.")
    assert [text for _, text in said(store)][2:] == ["rain", "Rain.", "And now?", "0", "Sun.", "Thanks.", "Welcome."]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ('{"a": 1, "b": {"d": [1, 2], "c": 1.0}}', '{"b":{"c":1,"d":[1,2]},"a":1}', True),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": 1}{"b": 2}', '{"b": 2}{"a": 1}', False),
        ('{"a": "x y"}', '{"a": "xy"}', False),
        ('{"a": "\\u00e9"}', '{"a": "\N{LATIN SMALL LETTER E WITH ACUTE}"}', True),
        ("  print(1)\n", "print(1)", True),
        ("print( 1 )", "print(1)", False),
        ("{}", "", True),
        ('{"a": 1}', "[" * 100_000, False),
        ('{"a": "\\ud83d"}', '{"a": "\\ud83d" }', True),
    ],
)
def test_calls_are_the_same_where_their_json_is(one: str, other: str, is_same: bool) -> None:
    calls = [{"role": "assistant", "tool_calls": [{"function": {"arguments": text}}]} for text in (one, other)]
    first, second = turns({"messages": calls})
    assert (first.called == second.called) is is_same


def test_no_key_of_a_request_is_stored(store: ck.Store) -> None:
    headers = {"Authorization": "Bearer secret"}
    answer = answered(store, None, [user("Hi")], extra_headers=headers, timeout=3, temperature=0.5, stop=("a", "b"))
    assert answer.metadata["request"] == {"model": "m", "temperature": 0.5, "stop": ["a", "b"]}
    files = [path.read_text(encoding="utf-8") for path in store.path.rglob("*.json")]
    assert not any("secret" in text for text in files)


def test_a_model_that_is_no_text_counts_as_not_told(store: ck.Store) -> None:
    with record(store, request={"model": 5, "messages": [user("Hi.")]}) as recorder:
        recorder.append("Hello")
    assert store.contexts()[0].metadata.config.model_id is None
    assert recorder.message.metadata == {"request": {"model": 5}}


def test_labels_model_and_title_can_be_given(store: ck.Store) -> None:
    with record(store, model="asked", metadata={"scenario": "idle"}, title="Mine") as recorder:
        pass
    assert recorder.message.metadata == {"scenario": "idle"}
    assert recorder.message.streaming_response is not None
    assert recorder.message.streaming_response.model == "asked"
    assert store.contexts()[0].title == "Mine"


def test_requests_of_every_provider_are_read() -> None:
    responses = {
        "instructions": "Be brief.",
        "input": [
            user([{"type": "input_text", "text": "Hi"}]),
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "arguments": "{}", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
        ],
    }
    assert [turn[:2] for turn in turns(responses)] == [("user", "Hi"), ("assistant", ""), ("tool", "rain")]
    gemini = {
        "contents": [{"parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Ho"}]}, "And?"],
        "config": {"system_instruction": {"parts": [{"text": "Be brief."}]}},
    }
    assert [turn[:2] for turn in turns(gemini)] == [("user", "Hi"), ("assistant", "Ho"), ("user", "And?")]
    anthropic = {"system": [{"type": "text", "text": "Be brief."}], "messages": [user("Hi")]}
    assert [system_prompt(request) for request in (responses, gemini, anthropic)] == ["Be brief."] * 3
    assert turns({"input": "Hi"}) == turns({"contents": "Hi"}) == turns({"messages": [user("Hi")]})
