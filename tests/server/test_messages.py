"""The routes of messages: one as it is stored, several at once, and the chunks after a place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from chatkit.models import Message
from chatkit.store import Store
from tests.server.recordings import MISSING, response_of

if TYPE_CHECKING:
    from tests.server.conftest import Asking

Conversation = tuple[Store, Message, Message]


def test_a_message_is_answered_as_it_is_stored(asking: Asking, conversation: Conversation) -> None:
    store, _, answer = conversation
    path = store.context(answer.context_id).folder().message_file(answer.message_id)
    told = asking.get(f"/api/messages/{answer.message_id}")
    assert told.content == path.read_bytes()
    assert told.json()["message_type"] == "streaming_response"
    assert len(told.json()["streaming_response"]["chunks"]) == 100


def test_keys_that_chatkit_does_not_know_come_along(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    path = store.context(question.context_id).folder().message_file(question.message_id)
    content = json.loads(path.read_text(encoding="utf-8")) | {"mood": {"happy": True}}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert asking.get(f"/api/messages/{question.message_id}").json()["mood"] == {"happy": True}


def test_a_message_of_an_unknown_kind_is_answered(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    message = Message.model_validate(
        {"message_id": MISSING, "role": "assistant", "message_type": "drawing", "drawing": {"strokes": [1, 2]}}
    )
    store.context(question.context_id).append_message(message)
    assert asking.get(f"/api/messages/{MISSING}").json()["drawing"] == {"strokes": [1, 2]}


def test_a_message_in_flight_is_answered_as_far_as_it_has_come(asking: Asking, conversation: Conversation) -> None:
    stream = Store(conversation[0].path).open_stream(conversation[1].context_id)
    stream.append("so ")
    stream.append("far")
    stream.note()  # what was appended is in the file, or will be in a moment
    path = f"/api/messages/{stream.message_id}"
    while len(asking.get(f"{path}/chunks").json()["chunks"]) < 2:
        pass
    told = asking.get(path).json()["streaming_response"]
    assert (told["content"], told["completed_at"]) == ("so far", None)
    assert asking.get(f"{path}/chunks?from_sequence=1").json()["status"] == "streaming"
    stream.finalize(finish_reason="stop")
    told = asking.get(f"{path}/chunks?from_sequence=1").json()
    assert (told["status"], [chunk["delta"] for chunk in told["chunks"]]) == ("complete", ["far"])


@pytest.mark.parametrize(("after", "first"), [(0, 1), (1, 2), (57, 58), (99, 100)])
def test_chunks_come_after_the_one_that_is_known(
    asking: Asking, conversation: Conversation, after: int, first: int
) -> None:
    told = asking.get(f"/api/messages/{conversation[2].message_id}/chunks?from_sequence={after}").json()
    assert [chunk["sequence"] for chunk in told["chunks"]] == list(range(first, 101))


@pytest.mark.parametrize("after", [100, 101, 2**53])
def test_after_the_last_chunk_there_is_none(asking: Asking, conversation: Conversation, after: int) -> None:
    told = asking.get(f"/api/messages/{conversation[2].message_id}/chunks?from_sequence={after}").json()
    assert told["chunks"] == []


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "1_0", str(2**53 + 1), ""])
def test_a_bad_place_is_refused(asking: Asking, conversation: Conversation, after: str) -> None:
    path = f"/api/messages/{conversation[2].message_id}/chunks?from_sequence={after}"
    assert asking.get(path).status_code == 422


def test_a_message_without_chunks_says_so(asking: Asking, conversation: Conversation) -> None:
    refused = asking.get(f"/api/messages/{conversation[1].message_id}/chunks")
    assert refused.status_code == 409
    assert "'text'" in refused.json()["detail"]


def test_several_messages_come_in_the_order_asked_for_each_once(asking: Asking, conversation: Conversation) -> None:
    _, question, answer = conversation
    ids = f"{answer.message_id},{MISSING},{question.message_id},{answer.message_id}"
    told = asking.get(f"/api/messages/batch?ids={ids}").json()
    assert [message["message_id"] for message in told["messages"]] == [answer.message_id, question.message_id]
    assert told["missing"] == [MISSING]
    assert told["messages"][1] == question.to_dict()


def test_a_corrupt_message_spoils_no_batch(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    path = store.context(answer.context_id).folder().message_file(answer.message_id)
    path.write_bytes(path.read_bytes()[:200])
    told = asking.get(f"/api/messages/batch?ids={answer.message_id},{question.message_id}").json()
    assert [message["message_id"] for message in told["messages"]] == [question.message_id]
    assert told["problems"][0]["id"] == answer.message_id
    assert str(path) in told["problems"][0]["detail"]


def test_a_hundred_ids_are_taken_and_no_more(asking: Asking) -> None:
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(101)]
    told = asking.get(f"/api/messages/batch?ids={','.join(ids[:100])}")
    assert told.json()["missing"] == ids[:100]
    assert asking.get(f"/api/messages/batch?ids={','.join(ids)}").status_code == 422


@pytest.mark.parametrize("ids", ["", ",", MISSING + ",", "x", MISSING.upper().replace("0", "A"), f"{MISSING} "])
def test_a_bad_list_of_ids_is_refused(asking: Asking, ids: str) -> None:
    assert asking.get(f"/api/messages/batch?ids={ids}").status_code == 422


def test_a_corrupt_message_is_named_and_the_server_goes_on(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    path = store.context(answer.context_id).folder().message_file(answer.message_id)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["streaming_response"]["chunks"][4]["timestamp"] = "yesterday"
    path.write_text(json.dumps(content), encoding="utf-8")
    refused = asking.get(f"/api/messages/{answer.message_id}")
    assert (refused.status_code, refused.headers["content-type"]) == (500, "application/problem+json")
    assert refused.json()["file"] == str(path)
    assert refused.json()["where"] == "streaming_response.chunks.4.timestamp"
    assert asking.get(f"/api/messages/{question.message_id}").status_code == 200


def test_half_a_character_is_answered_in_json_that_everyone_reads(asking: Asking, conversation: Conversation) -> None:
    response = response_of([1, 2], 3, deltas=["a\ud83d", "\ude00"])
    message = conversation[0].context(conversation[1].context_id).append_message(Message.from_response(response))
    told = asking.get(f"/api/messages/{message.message_id}")
    assert rb'"delta":"a\ud83d"' in told.content
    assert told.json()["streaming_response"]["content"] == "a\U0001f600"


def test_nobody_on_the_way_keeps_an_answer(asking: Asking, conversation: Conversation) -> None:
    assert asking.get(f"/api/messages/{conversation[1].message_id}").headers["cache-control"] == "no-store"


def test_head_gives_the_headers_alone(asking: Asking, conversation: Conversation) -> None:
    path = f"/api/messages/{conversation[1].message_id}"
    head, got = asking("HEAD", path), asking.get(path)
    assert head.content == b""
    assert head.headers == got.headers
