"""A streamed response is begun, comes chunk by chunk, and ends once; any other call is refused and changes nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chatkit as ck
from chatkit.errors import NotFoundError, StreamStateError
from chatkit.models import ResponseMetadata, Usage
from chatkit.store import Store
from chatkit.store.checking import check_store
from chatkit.store.repair import repair_store
from tests.store.trees import CONTEXT_ID, filled, message_id, stored_files, the_context

if TYPE_CHECKING:
    from chatkit.models import Message, Response
    from chatkit.store.streaming import Stream

SENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALLS = ("begin", "chunk", "empty chunk", "finalize", "abort")


def after(ms: float) -> datetime:
    return SENT + timedelta(milliseconds=ms)


def response_of(message: Message) -> Response:
    assert message.streaming_response is not None
    return message.streaming_response


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("pattern") / "store", 2).path


def do(store: Store, call: str, number: int) -> None:
    which = message_id(100 + number)
    if call == "begin":
        store.begin_streaming_llm_response(CONTEXT_ID, message_id=which, durability="chunk")  # written when it returns
    elif call == "chunk":
        store.append_streaming_chunk(which, "x")
    elif call == "empty chunk":
        store.append_streaming_chunk(which, "")
    elif call == "finalize":
        store.finalize_streaming_response(which, finish_reason="stop")
    else:
        store.abort_streaming_response(which)


@settings(max_examples=40, deadline=None)
@given(calls=st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, 1)), max_size=10))
def test_any_sequence_of_calls_obeys_or_is_refused_and_leaves_the_store_as_it_was(
    calls: list[tuple[str, int]], pattern: Path
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        shutil.copytree(pattern, root)
        store = Store(root)
        state, came = {0: "new", 1: "new"}, {0: "", 1: ""}
        for call, number in calls:
            allowed = state[number] == ("new" if call == "begin" else "live")
            if allowed:
                do(store, call, number)
                state[number] = {"begin": "live", "finalize": "ended", "abort": "ended"}.get(call, "live")
                came[number] += "x" * (call == "chunk")
            else:
                before = stored_files(root)
                with pytest.raises(StreamStateError):
                    do(store, call, number)
                assert stored_files(root) == before
        for number in (0, 1):
            if state[number] == "live":
                store.finalize_streaming_response(message_id(100 + number))
            if state[number] != "new":
                assert store.message(message_id(100 + number)).content == came[number]
        assert check_store(root) == []


def test_a_stream_of_another_store_object_or_an_unknown_one_has_not_begun(store: Store) -> None:
    begun = store.begin_streaming_llm_response(CONTEXT_ID)
    for other, which in ((Store(store.path), begun), (store, str(uuid4()))):
        with pytest.raises(StreamStateError, match="was not begun by this store"):
            other.append_streaming_chunk(which, "x")
    store.finalize_streaming_response(begun)


def test_a_stream_begins_in_a_context_and_on_a_branch_that_are_there(store: Store) -> None:
    before = stored_files(store.path)
    with pytest.raises(NotFoundError):
        store.open_stream(str(uuid4()))
    with pytest.raises(NotFoundError, match="no branch 'other'"):
        store.open_stream(CONTEXT_ID, branch="other")
    with pytest.raises(ValueError, match="message_id"):
        store.open_stream(CONTEXT_ID, message_id="../../x")
    assert stored_files(store.path) == before


def test_in_flight_a_message_is_listed_and_reads_as_what_has_come(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, model="m", metadata={"scenario": "idle"}, durability="chunk")
    context = the_context(store)
    assert context.current_state == "awaiting_llm_response"
    entry = context.entries[-1]
    assert (entry.message_id, entry.streaming, entry.size_bytes, entry.chunks) == (stream.message_id, True, None, None)
    assert response_of(store.message(stream.message_id)).chunks == ()

    stream.append("Chlor")
    stream.append("oplasts")
    message = store.message(stream.message_id)
    assert (message.content, message.position, message.parent_id) == ("Chloroplasts", 6, message_id(5))
    assert (message.metadata, response_of(message).status) == ({"scenario": "idle"}, "streaming")
    assert response_of(message).completed_at is None
    assert the_context(store).current_state == "streaming_llm_response"
    assert the_context(store).metadata.current_state == "awaiting_llm_response"  # no file is rewritten in mid-stream
    assert the_context(store).messages()[-1].content == "Chloroplasts"
    assert ck.responses_df(store).set_index("message_id").loc[stream.message_id, "status"] == "streaming"
    assert check_store(store.path) == []

    stored = stream.finalize(finish_reason="stop")
    assert store.message(stream.message_id) == stored
    assert the_context(store).current_state == "idle"
    assert the_context(store).entries[-1].streaming is None
    assert not list(store.path.rglob("*.journal*"))


def test_the_end_computes_the_duration_and_the_mean_gap(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, started_at=SENT, model="asked")
    for ms, delta in ((400, "a"), (410, "b"), (450.5, "c")):
        store.append_streaming_chunk(stream.message_id, delta, at=after(ms))
    message = store.finalize_streaming_response(
        stream.message_id,
        completed_at=after(1437.5),
        model="named",
        usage=Usage(prompt_tokens=1, completion_tokens=3, total_tokens=4),
        finish_reason="stop",
        metadata=ResponseMetadata(finished_at=after(1400)),
    )
    response = response_of(store.message(message.message_id))
    assert response.total_duration_ms == 1438  # half up
    assert response.metadata.average_chunk_interval_ms == pytest.approx(25.25)  # (10 + 40.5) / 2
    assert [chunk.interval_ms for chunk in response.chunks] == [None, 10, 41]
    assert (response.model, response.finish_reason, response.completed_at) == ("named", "stop", after(1437.5))
    assert response.metadata.finished_at == after(1400)
    assert (message.created_at, the_context(store).metadata.updated_at) == (SENT, after(1437.5))


@pytest.mark.parametrize("deltas", [[], ["one"], ["", "one", ""]])
def test_the_mean_gap_of_fewer_than_two_chunks_is_unknown(store: Store, deltas: list[str]) -> None:
    stream = store.open_stream(CONTEXT_ID)
    for delta in deltas:
        stream.append(delta)
    response = response_of(stream.finalize())
    assert response.metadata.average_chunk_interval_ms is None
    assert len(response.chunks) == len([delta for delta in deltas if delta])


@pytest.mark.parametrize(("reason", "said"), [("aborted", "aborted"), ("the user left", "aborted: the user left")])
def test_an_abort_keeps_what_came_and_the_context_has_failed(store: Store, reason: str, said: str) -> None:
    stream = store.open_stream(CONTEXT_ID, started_at=SENT)
    stream.append("Chlor", at_us=1_795_435_200_400_000)
    message = store.abort_streaming_response(stream.message_id, reason, completed_at=after(500))
    assert (message.content, response_of(message).finish_reason) == ("Chlor", "aborted")
    failed_at = "2026-11-23T12:00:00.500000Z"
    assert the_context(store).current_state == {"failed": {"error_message": said, "failed_at": failed_at}}


def test_other_kinds_of_chunks_do_not_enter_the_content(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    stream.append("Hm.", kind="reasoning")
    stream.append("Yes.")
    stream.append("{}", kind="tool_call")
    assert response_of(store.message(stream.message_id)).content == "Yes."
    assert [chunk.kind for chunk in response_of(stream.finalize()).chunks] == ["reasoning", "text", "tool_call"]


def test_half_a_character_survives_the_journal(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    stream.append("a\ud83d")
    stream.append("\ude00\nb")
    in_flight = response_of(store.message(stream.message_id))
    assert ([chunk.delta for chunk in in_flight.chunks], in_flight.content) == (["a\ud83d", "\ude00\nb"], "a😀\nb")
    assert stream.finalize().content == "a😀\nb"


def test_times_never_go_back_whatever_the_wall_clock_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = store.open_stream(CONTEXT_ID)
    stream.append("a")
    monkeypatch.setattr("time.time_ns", lambda: 0)
    stream.append("b")
    stream.append("c", at_us=stream.pieces[-1].at_us + 5_000_000)  # told by somebody whose clock is ahead
    stream.append("d")
    response = response_of(stream.finalize())
    moments = [response.started_at, *(chunk.timestamp for chunk in response.chunks), response.completed_at]
    assert moments == sorted(moments)  # type: ignore[type-var]


def crash(stream: Stream) -> None:
    """Let go of a stream as if its process were killed: its lines written, its lock free."""
    stream._journal.close()
    stream._lock.release(force=True)


def test_what_was_noted_survives_a_crash(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, started_at=SENT, durability="chunk")
    stream.note(headers_at=after(100), first_event_at=after(150))
    stream.append("Chlor")
    stream.note(server_timings={"prompt_ms": 80})
    in_flight = response_of(store.message(stream.message_id)).metadata
    assert (in_flight.headers_at, in_flight.first_event_at) == (after(100), after(150))
    crash(stream)
    repair_store(store.path)
    response = response_of(store.message(stream.message_id))
    assert (response.content, response.finish_reason) == ("Chlor", "interrupted")
    assert response.metadata.headers_at == after(100)
    assert response.metadata.server_timings == {"prompt_ms": 80}


def test_what_was_noted_counts_where_the_end_is_silent(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    stream.note(headers_at=after(100), consumer_ms=1.0)
    metadata = response_of(stream.finalize(metadata=ResponseMetadata(consumer_ms=2.0))).metadata
    assert (metadata.headers_at, metadata.consumer_ms) == (after(100), 2.0)


def test_what_cannot_be_noted_or_appended_is_refused_and_the_stream_goes_on(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    with pytest.raises(ValueError, match="JSON"):
        stream.note(raw_usage={"rate": float("nan")})
    with pytest.raises(ValueError, match="consumer_ms"):
        stream.note(consumer_ms="long")
    with pytest.raises(TypeError, match="a delta is text, not int"):
        stream.append(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="JSON"):
        stream.finalize(metadata=ResponseMetadata(raw_usage={"rate": float("inf")}))
    stream.append("on")
    assert stream.finalize().content == "on"


def test_several_streams_run_in_one_context_at_once(store: Store) -> None:
    first, second = store.open_stream(CONTEXT_ID), store.open_stream(CONTEXT_ID, durability="chunk")
    first.append("1")
    second.append("2")
    assert [message.content for message in the_context(store).messages(6)][1] == "2"
    assert first.finalize(finish_reason="stop").position == 6
    assert the_context(store).current_state == "streaming_llm_response"  # the second one still is
    second.append("!")
    assert second.finalize(finish_reason="stop").position == 7
    assert the_context(store).current_state == "idle"
    assert [message.content for message in the_context(store).messages(6)] == ["1", "2!"]
    assert check_store(store.path) == []


def test_an_abort_beside_a_living_stream_leaves_the_context_streaming(store: Store) -> None:
    first, second = store.open_stream(CONTEXT_ID), store.open_stream(CONTEXT_ID, durability="chunk")
    second.append("2")
    first.abort()
    assert the_context(store).current_state == "streaming_llm_response"
    second.finalize(finish_reason="stop")
    assert the_context(store).current_state == "idle"


def test_threads_may_share_a_stream(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)

    def append() -> None:
        for _ in range(500):
            stream.append("x")

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    response = response_of(stream.finalize())
    assert response.content == "x" * 2000
    moments = [chunk.timestamp for chunk in response.chunks]
    assert moments == sorted(moments)


def test_of_two_threads_that_end_a_stream_one_is_refused(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    ended: list[str] = []

    def end() -> None:
        try:
            stream.finalize()
            ended.append("ended")
        except StreamStateError:
            ended.append("refused")

    threads = [threading.Thread(target=end) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["ended", "refused", "refused"]


def test_a_store_lets_go_of_streams_that_have_ended(store: Store) -> None:
    for _ in range(3):
        store.open_stream(CONTEXT_ID).finalize()
    assert len(store._streams) == 1


def test_the_order_of_writes_is_one_in_which_a_crash_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    replace, unlink = os.replace, os.unlink

    def note_replace(source: Path, target: Path) -> None:
        journals = len(list(store.path.rglob("*.journal.jsonl")))
        steps.append(f"{Path(target).name} beside {journals} journals")
        replace(source, target)

    def note_unlink(path: Path) -> None:
        if "journal.jsonl" in str(path):
            steps.append("the journal goes")
        unlink(path)

    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(os, "unlink", note_unlink)
    stream = store.open_stream(CONTEXT_ID)
    assert steps == ["index.json beside 1 journals", "metadata.json beside 1 journals"]
    del steps[:]
    stream.finalize()
    names = [f"{stream.message_id}.json", "index.json", "metadata.json"]
    assert steps == [*(f"{name} beside 1 journals" for name in names), "the journal goes"]
