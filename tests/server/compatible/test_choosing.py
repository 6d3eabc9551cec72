"""Which recording a request gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chatkit.errors import CorruptFileWarning
from chatkit.models import Message
from chatkit.store import Store
from tests.server.compatible.conftest import CHAT, MESSAGES, RESPONSES, Provider, answer, said_by_user
from tests.server.recordings import MISSING
from tests.store.trees import SINGLE_FILES

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from chatkit.store import Context

CUT_OFF = "624b1ae6-449e-53cf-90da-27a860f56e6c"


def add(context: Context, question: str, *answers: str) -> list[Message]:
    """Store a question and its answers."""
    asked = context.append_message(Message.from_text(question))
    responses = [answer((100.0, "text", text)) for text in answers]
    return [
        context.append_message(Message.from_response(response, parent_id=asked.message_id)) for response in responses
    ]


def content(provider: Provider, model: str, *said: str) -> str:
    """What the whole answer says."""
    answered = provider.ask(CHAT, model, messages=said_by_user(*said or ["Well?"]), headers={"X-Replay-Speed": "0"})
    return str(answered.json["choices"][0]["message"]["content"])


def test_a_message_is_named_by_its_id_or_a_beginning_of_it(provider: Provider, context: Context) -> None:
    one, _ = add(context, "Well?", "one", "two")
    assert content(provider, f"replay:{one.message_id}") == "one"
    assert content(provider, f"replay:{one.message_id[:13]}") == "one"
    assert content(provider, f"replay:{one.message_id}") == "one"


def test_a_context_gives_its_responses_in_turn(provider: Provider, store: Store, context: Context) -> None:
    add(context, "One?", "one")
    add(context, "Two?", "two")
    add(store.create_context(), "Other?", "other")
    model = f"replay:{context.context_id}"
    assert [content(provider, model) for _ in range(3)] == ["one", "two", "one"]


def test_any_gives_all_responses_in_turn(provider: Provider, store: Store, context: Context) -> None:
    add(context, "One?", "one", "two")
    add(store.create_context(), "Three?", "three")
    assert [content(provider, "replay:*") for _ in range(4)] == ["one", "two", "three", "one"]


def test_any_gives_first_what_answered_the_same_words(provider: Provider, store: Store, context: Context) -> None:
    add(context, "One?", "one")
    add(store.create_context(), "Two?", "two", "two again")
    assert content(provider, "replay:*", "One?", "\n Two? ") == "two"
    assert content(provider, "replay:*", "Two?") == "two again"
    assert content(provider, "replay:*", "Two?", "One?") == "one"
    assert content(provider, "replay:*", "Something else?") == "one"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (RESPONSES, {"input": "Two?"}),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Two?"}]}]}),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "text", "text": "Two?"}]}]}),
        (MESSAGES, {"messages": said_by_user("Two?"), "max_tokens": 9}),
    ],
)
def test_the_words_are_found_in_every_form(
    provider: Provider, context: Context, path: str, said: dict[str, Any]
) -> None:
    add(context, "One?", "one")
    add(context, "Two?", "two")
    assert b"two" in provider.ask(path, "replay:*", **said).body


def test_what_is_stored_meanwhile_is_found(provider: Provider, store: Store, context: Context) -> None:
    add(context, "One?", "one")
    assert content(provider, "replay:*", "Two?") == "one"
    add(context, "Two?", "two")
    add(store.create_context(), "Three?", "three")
    assert content(provider, "replay:*", "Two?") == "two"
    assert content(provider, "replay:*", "Three?") == "three"


def test_a_message_that_is_written_anew_is_read_anew(provider: Provider, context: Context) -> None:
    (one,) = add(context, "One?", "one")
    assert content(provider, f"replay:{one.message_id}") == "one"
    path = context.message_file(one.message_id)
    path.write_text(path.read_text(encoding="utf-8").replace('"one"', '"1"'), encoding="utf-8")
    assert content(provider, f"replay:{one.message_id}") == "1"


@pytest.mark.parametrize(
    "model", ["gpt-4", "replay:", "replay:nonsense", "replay:../../etc", f"replay:{MISSING}", "replay:*"]
)
def test_what_is_not_there_is_not_found(provider: Provider, model: str) -> None:
    found = provider.ask(CHAT, model)
    assert (found.status, found.json["error"]["code"]) == (404, "model_not_found")


def test_a_message_that_was_not_streamed_has_nothing_to_replay(provider: Provider, context: Context) -> None:
    text = context.append_message(Message.from_text("Well?"))
    found = provider.ask(CHAT, f"replay:{text.message_id}")
    assert found.status == 404
    assert "'text'" in found.json["error"]["message"]


def test_a_response_in_flight_is_refused_until_it_has_ended(provider: Provider, store: Store, context: Context) -> None:
    message_id = store.begin_streaming_llm_response(context.context_id, model="a-model")
    store.append_streaming_chunk(message_id, "Hel")
    assert provider.ask(CHAT, f"replay:{message_id}").status == 409
    assert provider.ask(CHAT, "replay:*").status == 404
    store.append_streaming_chunk(message_id, "lo")
    store.finalize_streaming_response(message_id, finish_reason="stop")
    assert content(provider, f"replay:{message_id}") == "Hello"


def test_a_corrupt_message_is_named_and_the_others_are_served(provider: Provider, context: Context) -> None:
    bad, good = add(context, "One?", "bad", "good")
    context.message_file(bad.message_id).write_text("{", encoding="utf-8")
    found = provider.ask(MESSAGES, f"replay:{bad.message_id}")
    assert (found.status, found.json["error"]["type"]) == (500, "api_error")
    assert bad.message_id in found.json["error"]["message"]
    assert content(provider, f"replay:{good.message_id}") == "good"


def test_a_corrupt_index_stops_nothing(provider: Provider, context: Context, tmp_path: Path) -> None:
    add(context, "One?", "one")
    (tmp_path / "store" / "contexts" / context.context_id / "index.json").write_text("{", encoding="utf-8")
    with pytest.warns(CorruptFileWarning):
        assert content(provider, "replay:*") == "one"


def test_a_context_that_can_not_be_read_takes_no_other_along(runner: asyncio.Runner) -> None:
    provider = Provider(Store(SINGLE_FILES.parent), runner)  # one of its files is cut off
    with pytest.warns(CorruptFileWarning):  # of others' parts
        names = [model["id"] for model in provider.get("/v1/models").json["data"]]
    assert len(names) > 2
    assert not any(CUT_OFF in name for name in names)
    assert provider.ask(CHAT, "replay:*").status == 200
    assert provider.ask(CHAT, f"replay:{CUT_OFF}").status == 500


def test_all_names_are_listed_for_clients_of_both_providers(provider: Provider, context: Context) -> None:
    (one,) = add(context, "One?", "one")
    listed = provider.get("/v1/models").json
    names = [model["id"] for model in listed["data"]]
    assert names == ["replay:*", f"replay:{context.context_id}", f"replay:{one.message_id}"]
    assert (listed["object"], listed["has_more"], listed["first_id"]) == ("list", False, "replay:*")
    assert provider.get(f"/v1/models/{names[1]}").json == listed["data"][1]
    assert listed["data"][1]["display_name"] == "Greetings"


def test_a_context_without_a_response_is_not_listed(provider: Provider, context: Context) -> None:
    context.append_message(Message.from_text("Well?"))
    assert [model["id"] for model in provider.get("/v1/models").json["data"]] == ["replay:*"]
