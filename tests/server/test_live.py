"""What happens in a context is told to who listens, whoever makes it happen."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit import sse
from chatkit.errors import NotFoundError
from chatkit.models import Message
from chatkit.server import serve
from chatkit.server.live_context import LiveContext, Seen
from chatkit.server.live_routes import LOOK_EVERY_MS, PING_EVERY_MS
from chatkit.store import Store
from tests.server.recordings import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store.streaming import Stream
    from tests.server.conftest import Asking
    from tests.server.recordings import FakeClock

Conversation = tuple[Store, Message, Message]


def told(data: bytes) -> list[Any]:
    """Events in short: a delta as (id, text), an update as (type, message, previous state, state)."""
    found: list[Any] = []
    for event in sse.decode(data):
        said = json.loads(event.data)
        if event.event == "Delta":
            found.append((event.last_event_id, said["delta"]))
        else:
            update = said["message_update"]
            found.append((update["type"], update["message_id"], said["previous_state"], said["current_state"]))
    return found


def flushed(stream: Stream, n_chunks: int, store: Store) -> None:
    """Wait until the journal, which a thread writes, holds so many chunks."""
    path = store.context(stream.context_id).folder().journal_file(stream.message_id)
    while path.read_bytes().count(b'"delta"') < n_chunks:
        time.sleep(0.001)


@pytest.fixture
def store(conversation: Conversation) -> Store:
    """The store as another process would open it."""
    return Store(conversation[0].path)


@pytest.fixture
def context_id(conversation: Conversation) -> str:
    return str(conversation[1].context_id)


@pytest.fixture
def following(conversation: Conversation, context_id: str) -> LiveContext:
    """A listener that has heard how the context stands."""
    live = LiveContext(conversation[0], context_id)
    live.begin()
    return live


def test_a_listener_is_told_first_how_the_context_stands(conversation: Conversation, context_id: str) -> None:
    first = LiveContext(conversation[0], context_id).begin()
    assert told(first) == [("status_changed", conversation[2].message_id, None, "idle")]


def test_an_update_says_what_the_specification_says(conversation: Conversation, context_id: str) -> None:
    event = sse.decode(LiveContext(conversation[0], context_id).begin())[0]
    said = json.loads(event.data)
    assert (event.event, event.last_event_id) == ("ContextUpdate", "")
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "context_id": context_id,
        "current_state": "idle",
        "previous_state": None,
        "message_update": {"message_id": conversation[2].message_id, "type": "status_changed"},
    }


def test_where_nothing_happens_nothing_is_told(following: LiveContext) -> None:
    assert [following.look(), following.look()] == [b"", b""]


def test_a_new_message_is_told(following: LiveContext, store: Store, context_id: str) -> None:
    message = store.context(context_id).append_message(Message.from_text("Hello"))
    assert told(following.look()) == [("created", message.message_id, "idle", "idle")]
    assert following.look() == b""


def test_a_response_is_told_from_its_beginning_to_its_end(
    following: LiveContext, store: Store, context_id: str
) -> None:
    stream = store.open_stream(context_id)
    name = stream.message_id
    assert told(following.look()) == [("created", name, "idle", "awaiting_llm_response")]
    stream.append("Hel")
    stream.append("lo", kind="reasoning")
    flushed(stream, 2, store)
    assert told(following.look()) == [
        ("content_delta", name, "awaiting_llm_response", "streaming_llm_response"),
        (f"{name}:1", "Hel"),
        (f"{name}:2", "lo"),
    ]
    stream.append("!")
    stream.finalize(finish_reason="stop")
    assert told(following.look()) == [
        ("content_delta", name, "streaming_llm_response", "streaming_llm_response"),
        (f"{name}:3", "!"),
        ("completed", name, "streaming_llm_response", "idle"),
    ]
    assert following.look() == b""


def test_while_a_response_grows_only_what_has_come_is_read(
    following: LiveContext, store: Store, context_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = store.open_stream(context_id)
    following.look()
    following.look()
    monkeypatch.setattr(type(following._context), "refresh", lambda _: pytest.fail("the context was read again"))
    for number in range(1, 4):
        stream.append("more ")
        flushed(stream, number, store)
        assert told(following.look())[1:] == [(f"{stream.message_id}:{number}", "more ")]
    monkeypatch.undo()
    stream.finalize()


def test_a_delta_says_what_the_specification_says(following: LiveContext, store: Store, context_id: str) -> None:
    stream = store.open_stream(context_id)
    stream.append("half \ud83d", kind="reasoning")
    stream.finalize()
    delta = next(event for event in sse.decode(following.look()) if event.event == "Delta")
    assert json.loads(delta.data) == {
        "context_id": context_id,
        "message_id": stream.message_id,
        "sequence": 1,
        "delta": "half \ud83d",
        "kind": "reasoning",
    }


def test_a_character_in_two_halves_is_told_as_it_comes(following: LiveContext, store: Store, context_id: str) -> None:
    stream = store.open_stream(context_id)
    name = stream.message_id
    following.look()
    found = []
    for number, half in enumerate(["a\ud83d", "\ude00b", "\ude00"], start=1):
        stream.append(half)
        flushed(stream, number, store)
        found += told(following.look())[1:]
    assert found == [(f"{name}:1", "a\ud83d"), (f"{name}:2", "\ude00b"), (f"{name}:3", "\ude00")]
    stream.finalize()
    assert [each[0] for each in told(following.look())] == ["completed"]


def test_what_follows_a_damaged_line_of_a_journal_is_told_when_the_response_ends(
    following: LiveContext, store: Store, context_id: str
) -> None:
    stream = store.open_stream(context_id)
    name = stream.message_id
    journal = store.context(context_id).folder().journal_file(name)
    stream.append("One")
    stream.append(" two")
    flushed(stream, 2, store)
    with journal.open("r+b") as file:
        file.seek(journal.read_bytes().rindex(b"{"))
        file.write(b"[")
    assert [each[:2] for each in told(following.look())] == [
        ("created", name),
        ("content_delta", name),
        (f"{name}:1", "One"),
    ]
    stream.append(" three")
    flushed(stream, 3, store)
    assert following.look() == b""
    stream.finalize()
    assert [each[:2] for each in told(following.look())] == [
        ("content_delta", name),
        (f"{name}:2", " two"),
        (f"{name}:3", " three"),
        ("completed", name),
    ]


def test_what_begins_and_ends_between_two_looks_is_told_whole(
    following: LiveContext, store: Store, context_id: str
) -> None:
    question = store.context(context_id).append_message(Message.from_text("Well?"))
    stream = store.open_stream(context_id)
    stream.append("Yes")
    stream.abort()
    found = told(following.look())
    name = stream.message_id
    assert [each[:2] for each in found] == [
        ("created", question.message_id),
        ("created", name),
        ("content_delta", name),
        (f"{name}:1", "Yes"),
        ("completed", name),
    ]
    assert found[-1][3]["failed"]["error_message"] == "aborted"


def test_a_change_of_state_alone_is_told(following: LiveContext, store: Store, context_id: str) -> None:
    store.context(context_id).set_state("executing_tool")
    assert [each[0::2] + each[3:] for each in told(following.look())] == [("status_changed", "idle", "executing_tool")]


def test_who_comes_in_the_middle_of_a_response_gets_it_from_its_beginning(
    conversation: Conversation, store: Store, context_id: str
) -> None:
    stream = store.open_stream(context_id)
    stream.append("One")
    flushed(stream, 1, store)
    live = LiveContext(conversation[0], context_id)
    assert told(live.begin())[1:] == [
        ("content_delta", stream.message_id, "awaiting_llm_response", "streaming_llm_response"),
        (f"{stream.message_id}:1", "One"),
    ]
    stream.append(" two")
    flushed(stream, 2, store)
    assert told(live.look())[1:] == [(f"{stream.message_id}:2", " two")]
    stream.finalize()


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_listener_that_was_cut_off_goes_on_after_what_it_has(
    conversation: Conversation, store: Store, context_id: str, has_ended: bool
) -> None:
    stream = store.open_stream(context_id)
    for word in ("One", " two", " three"):
        stream.append(word)
    flushed(stream, 3, store)
    if has_ended:
        stream.finalize()
        later = store.context(context_id).append_message(Message.from_text("And then?"))
    found = told(LiveContext(conversation[0], context_id, Seen(stream.message_id, 1)).begin())
    assert [each for each in found if len(each) == 2] == [
        (f"{stream.message_id}:2", " two"),
        (f"{stream.message_id}:3", " three"),
    ]
    if has_ended:
        updates = [each[:2] for each in found if len(each) == 4]
        assert updates[-2:] == [("completed", stream.message_id), ("created", later.message_id)]
    else:
        stream.finalize()


def test_an_event_of_a_message_that_is_not_there_counts_as_none(conversation: Conversation, context_id: str) -> None:
    found = told(LiveContext(conversation[0], context_id, Seen(MISSING, 3)).begin())
    assert found == [("status_changed", conversation[2].message_id, None, "idle")]


def test_a_context_that_is_deleted_ends_the_stream(following: LiveContext, store: Store, context_id: str) -> None:
    store.context(context_id).delete()
    with pytest.raises(NotFoundError, match="deleted"):
        following.look()


def test_a_damaged_index_hides_no_message_and_tells_none_twice(
    following: LiveContext, store: Store, context_id: str
) -> None:
    index = store.context(context_id).folder().index_path
    message = store.context(context_id).append_message(Message.from_text("Hello"))
    whole = index.read_bytes()
    index.write_bytes(whole[:-20])
    with pytest.warns(match="1 file with problems"):
        assert told(following.look()) == [("created", message.message_id, "idle", "idle")]
    index.write_bytes(whole)
    assert following.look() == b""


def test_listening_writes_nothing_into_the_store(following: LiveContext, store: Store) -> None:
    before = {path: path.stat().st_mtime_ns for path in store.path.rglob("*")}
    following.look()
    assert {path: path.stat().st_mtime_ns for path in store.path.rglob("*")} == before


@pytest.mark.parametrize(
    "last_event_id", ["x", "1", f"{MISSING}", f"{MISSING}:", f"{MISSING}:-1", f"{MISSING}:x", ":1"]
)
def test_an_event_id_that_was_never_given_is_refused(asking: Asking, context_id: str, last_event_id: str) -> None:
    refused = asking.get(f"/api/contexts/{context_id}/sse", headers={"Last-Event-ID": last_event_id})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


def test_a_context_that_is_not_there_is_refused(asking: Asking) -> None:
    assert asking.get(f"/api/contexts/{MISSING}/sse").status_code == 404


def test_a_silent_stream_is_pinged_every_15_seconds_and_ends_with_its_context(
    asking: Asking, clock: FakeClock, context_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def look(_: LiveContext) -> bytes:
        looks.append(clock.now_ms())
        if clock.now_ms() > 5_000 + 2 * PING_EVERY_MS + 1:
            raise NotFoundError("context gone")
        return b""

    monkeypatch.setattr(LiveContext, "look", look)
    answer = asking.get(f"/api/contexts/{context_id}/sse")
    assert answer.content.count(b"\n: ping\n") == 2
    assert [second - first for first, second in pairwise(looks)] == [LOOK_EVERY_MS] * (len(looks) - 1)
    last = sse.decode(answer.content)[-1]
    assert (last.event, json.loads(last.data)["status"]) == ("error", 404)


WRITER = """
import sys, time
from chatkit.store import Store
stream = Store(sys.argv[1]).open_stream(sys.argv[2])
for _ in range(6):
    time.sleep(0.13)
    stream.append(f"{time.time()} ")
stream.finalize(finish_reason="stop")
"""


@pytest.fixture
def events(conversation: Conversation, context_id: str) -> Iterator[Iterator[tuple[float, sse.Event]]]:
    """What a real server tells a real client, each event with the time it came."""

    def came(answer: httpx.Response) -> Iterator[tuple[float, sse.Event]]:
        decoder = sse.Decoder()
        for data in answer.iter_raw():
            for event in decoder.feed(data):
                yield time.time(), event

    with serve(conversation[0]) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        url = f"{server.url}/api/contexts/{context_id}/sse"
        with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
            yield came(answer)


def test_what_another_process_writes_is_heard_soon(
    events: Iterator[tuple[float, sse.Event]], conversation: Conversation, context_id: str
) -> None:
    """Within 500 ms on a quiet machine; the bound here leaves room for a busy one."""
    next(events)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(conversation[0].path), context_id])
    late_s = []
    for when, event in events:
        said = json.loads(event.data)
        if event.event == "Delta":
            late_s.append(when - float(said["delta"]))
        elif said["message_update"]["type"] == "completed":
            break
    assert writer.wait() == 0
    assert len(late_s) == 6
    assert max(late_s) < 2.0


@pytest.mark.filterwarnings("ignore::chatkit.CorruptFileWarning")
def test_what_the_application_writes_in_its_own_old_format_is_heard_too(tmp_path: Path) -> None:
    name = "2c9f0d44-6b1e-4c55-9a3f-0c8a1f6b7e10"
    answer_id, question_id = name.replace("2c9f", "aaaa"), name.replace("2c9f", "bbbb")
    path = tmp_path / "conversations" / f"{name}.json"
    path.parent.mkdir()
    chunks = [
        {"sequence": number, "delta": word, "timestamp": f"2026-01-01T00:00:0{number}Z", "accumulated_chars": 1}
        for number, word in enumerate("abc", start=1)
    ]

    def node(message_id: str, role: str, **message: object) -> dict[str, object]:
        content = [{"type": "text", "text": "Well?"}]
        return {"id": message_id, "parent_id": None, "message": {"role": role, "content": content, **message}}

    def write(*nodes: dict[str, object]) -> None:
        ids = [each["id"] for each in nodes]
        content = {
            "id": name,
            "current_state": "idle",
            "branches": {"main": {"name": "main", "message_ids": ids}},
            "active_branch_name": "main",
            "message_pool": {each["id"]: each for each in nodes},
        }
        path.write_text(json.dumps(content), encoding="utf-8")

    def answer(n_chunks: int, **ending: str) -> dict[str, object]:
        data = {
            "content": "abc"[:n_chunks],
            "chunks": chunks[:n_chunks],
            "started_at": "2026-01-01T00:00:01Z",
            **ending,
        }
        rich = {"kind": "streaming_response", "data": data}
        return node(answer_id, "Assistant", message_type="text", rich_type=rich)

    question = node(question_id, "User", message_type="text")
    write(question)
    live = LiveContext(Store(tmp_path), name)
    assert told(live.begin()) == [("status_changed", question_id, None, "idle")]
    write(question, answer(2))
    assert [each[:2] for each in told(live.look())] == [
        ("created", answer_id),
        ("content_delta", answer_id),
        (f"{answer_id}:1", "a"),
        (f"{answer_id}:2", "b"),
    ]
    write(question, answer(3, completed_at="2026-01-01T00:00:04Z"))
    assert [each[:2] for each in told(live.look())] == [
        ("content_delta", answer_id),
        (f"{answer_id}:3", "c"),
        ("completed", answer_id),
    ]
