"""What is read and written again is what was there, keys that nobody knows included."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chatkit.models import (
    Branch,
    Chunk,
    ContextConfig,
    ContextMetadata,
    Index,
    IndexEntry,
    Message,
    Piece,
    Response,
    ResponseMetadata,
    Text,
    Usage,
)
from chatkit.models.text import join
from chatkit.store.json_files import dump
from tests.models.examples import CONTEXT_ID, MESSAGE_ID, response_file

if TYPE_CHECKING:
    from chatkit.models.record import Record


def reread(record: Record) -> Any:
    """What a plain JSON reader finds in the file."""
    return json.loads(dump(record).decode("utf-8"))


def test_a_response_file_with_unknown_keys_at_every_level_is_written_as_it_was_read() -> None:
    assert reread(Message.model_validate(response_file())) == response_file()


def test_a_context_file_with_unknown_keys_at_every_level_is_written_as_it_was_read() -> None:
    content = {
        "context_id": CONTEXT_ID, "title": "Bees", "current_state": {"failed": {"error_message": "x", "later": 1}},
        "parent_id": None, "created_at": "2026-11-23T09:01:52.566342Z", "updated_at": None, "later": [1],
        "config": {
            "model_id": "m", "mode": "chat", "parameters": {"temperature": 0.5}, "system_prompt_id": None,
            "agent_role": "actor", "later": 2,
        },
        "branches": {
            "main": {
                "name": "main", "message_ids": [MESSAGE_ID], "system_prompt": None, "user_prompt": None, "later": 3,
            },
        },
        "active_branch_name": "main", "metadata": {"later": 4},
    }  # fmt: skip
    assert reread(ContextMetadata.model_validate(content)) == content


def test_an_index_with_unknown_keys_is_written_as_it_was_read() -> None:
    content = {
        "later": True,
        "messages": [
            {
                "message_id": MESSAGE_ID, "role": "assistant", "message_type": "streaming_response",
                "created_at": None, "parent_id": None, "bytes": 18342, "chunks": 149, "streaming": True, "later": 1,
            },
        ],
    }  # fmt: skip
    assert reread(Index.model_validate(content)) == content


def test_what_is_absent_in_a_chunk_stays_absent() -> None:
    content = {"sequence": 1, "delta": "a", "timestamp": "2026-11-23T09:01:52.974355Z"}
    assert reread(Chunk.model_validate(content)) == content


@pytest.mark.parametrize(
    "message_type",
    ["tool_request", "tool_result", "image", "file_reference", "system_control", "processing", "hologram"],
)
def test_a_message_of_any_other_type_is_kept(message_type: str) -> None:
    content = {
        "schema": 1, "message_id": MESSAGE_ID, "context_id": None, "parent_id": None, "position": None,
        "branch": "main", "role": "tool", "message_type": message_type, "created_at": None, "metadata": {},
        message_type: {"deep": [{"er": 1}], "content": "said"},
    }  # fmt: skip
    message = Message.model_validate(content)
    assert reread(message) == content
    assert message.content == "said"


def test_a_message_whose_type_names_no_key_is_kept_where_the_type_is_unknown() -> None:
    message = Message.model_validate({"message_id": MESSAGE_ID, "role": "tool", "message_type": "processing"})
    assert (message.content, message.payload) == ("", None)


@pytest.mark.parametrize("message_type", ["text", "streaming_response"])
def test_a_message_of_a_known_type_without_its_content_is_refused(message_type: str) -> None:
    with pytest.raises(ValidationError, match="no key of that name"):
        Message.model_validate({"message_id": MESSAGE_ID, "role": "user", "message_type": message_type})


def test_a_message_of_a_newer_schema_is_refused_and_both_versions_named() -> None:
    with pytest.raises(ValidationError, match=r"schema 2 is newer than 1"):
        Message.model_validate(response_file() | {"schema": 2})


@pytest.mark.parametrize("bad", ["", "7B1C3F5E-0000-4000-8000-00000000000A", "../../etc/passwd", f"{MESSAGE_ID}\n"])
def test_an_id_that_is_no_lower_case_uuid_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError, match="message_id"):
        Message.model_validate(response_file() | {"message_id": bad})


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (Message.from_text("a"), "role"),
        (Text(content="a"), "content"),
        (Response(content="", chunks=(), started_at=datetime(2026, 1, 1, tzinfo=UTC)), "content"),
        (ResponseMetadata(), "consumer_ms"),
        (Chunk(sequence=1, delta="a", timestamp=datetime(2026, 1, 1, tzinfo=UTC)), "delta"),
        (Usage(), "prompt_tokens"),
        (ContextMetadata(context_id=CONTEXT_ID), "title"),
        (ContextConfig(), "mode"),
        (Branch(name="main"), "name"),
        (Index(), "messages"),
        (IndexEntry(message_id=MESSAGE_ID, role="user", message_type="text"), "role"),
    ],
)
def test_every_model_is_frozen(record: Record, field: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(record, field, None)


def test_a_changed_copy_of_a_response_has_the_figures_of_its_own_chunks() -> None:
    response = Message.model_validate(response_file()).streaming_response
    assert response is not None
    assert (len(response.shown), response.figures["n_chunks"]) == (2, 2)
    shorter = response.model_copy(update={"chunks": response.chunks[:1]})
    assert (len(shorter.shown), shorter.figures["n_chunks"], shorter.arrivals_ms.size) == (1, 1, 1)
    assert response.figures["n_chunks"] == 2


def test_a_time_given_without_a_zone_is_utc_as_it_is_in_files() -> None:
    message = Message.from_text("a", created_at=datetime(2026, 1, 1, 12))  # noqa: DTZ001 - the point of the test
    assert message.created_at == datetime(2026, 1, 1, 12, tzinfo=UTC)


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12).map(lambda text: join([text]))
"""Any code points, halves of surrogate pairs too; two halves side by side are the character they make."""
MOMENTS = st.datetimes(timezones=st.just(UTC))
COUNTS = st.none() | st.integers(0, 2**40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
LABELS = st.dictionaries(ANY_TEXT, JSON, max_size=3)
PIECES = st.builds(
    Piece,
    st.integers(0, 4 * 10**15),
    ANY_TEXT,
    st.sampled_from(["text", "reasoning", "tool_call", "yet another kind"]),
)
RESPONSES = st.builds(
    Response.from_pieces,
    st.lists(PIECES, max_size=5),
    started_at=MOMENTS,
    completed_at=st.none() | MOMENTS,
    model=st.none() | ANY_TEXT,
    finish_reason=st.none() | ANY_TEXT,
    usage=st.none() | st.builds(Usage, prompt_tokens=COUNTS, completion_tokens=COUNTS, reasoning_tokens=COUNTS),
    metadata=st.builds(
        ResponseMetadata,
        started_at_is=st.sampled_from(["request_sent", "first_chunk"]),
        headers_at=st.none() | MOMENTS,
        server_timings=st.none() | LABELS,
        error=JSON,
    ),
)
KNOWN = {"created_at": st.none() | MOMENTS, "parent_id": st.none() | st.uuids().map(str), "metadata": LABELS}
MESSAGES = st.builds(Message.from_text, ANY_TEXT, **KNOWN) | st.builds(Message.from_response, RESPONSES, **KNOWN)


@given(MESSAGES)
def test_any_message_is_the_same_after_being_written_and_read(message: Message) -> None:
    assert Message.model_validate(reread(message)) == message


@given(MESSAGES)
def test_any_message_is_one_line_of_utf_8(message: Message) -> None:
    data = dump(message)
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    assert json.loads(data.decode("utf-8", "strict"))["message_id"] == message.message_id
