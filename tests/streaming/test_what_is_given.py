"""What no chunk can be is refused at once and changes nothing; in a journal it spoils no context."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from chatkit.errors import CorruptFileError, StreamStateError
from chatkit.store import Store, streaming
from chatkit.store.begun import begun_response
from chatkit.store.streaming import Stream
from tests.store.trees import CONTEXT_ID, filled, message_id, stored_files, text, the_context

if TYPE_CHECKING:
    from pathlib import Path

SENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENT_US = 1_795_435_200_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


@pytest.mark.parametrize("durability", ["chunk", "none"])
@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"at_us": 1.5e15}, TypeError, "in whole µs since the epoch, not float"),
        ({"at_us": "1500"}, TypeError, "in whole µs since the epoch, not str"),
        ({"at_us": 10**20}, ValueError, "in the years 1 to 9999: 100000000000000000000"),
        ({"at_us": -(10**17)}, ValueError, "in the years 1 to 9999"),
        ({"kind": None}, TypeError, "a kind is text .*, not NoneType"),
        ({"kind": b"text"}, TypeError, "a kind is text .*, not bytes"),
    ],
)
def test_a_chunk_that_cannot_be_one_is_refused_and_the_stream_goes_on(
    store: Store, durability: Any, given: dict[str, Any], error: type[Exception], said: str
) -> None:
    stream = store.open_stream(CONTEXT_ID, durability=durability)
    stream.append("before")
    with pytest.raises(error, match=said):
        stream.append("bad", **given)
    stream.append(", after")
    assert stream.finalize().content == "before, after"


def test_whole_numbers_of_numpy_are_arrivals(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID, started_at=SENT)
    stream.append("a", at_us=np.int64(SENT_US + 7_000))  # type: ignore[arg-type] # what arrays of times hold
    response = stream.finalize().streaming_response
    assert response is not None
    assert response.figures["ttft_ms"] == 7.0


def test_moments_without_a_zone_are_in_utc(store: Store) -> None:
    naive = SENT.replace(tzinfo=None)
    stream = store.open_stream(CONTEXT_ID)
    stream.sent(naive)
    store.append_streaming_chunk(stream.message_id, "a", at=naive + timedelta(milliseconds=5))
    stream.append("b", at_us=SENT_US + 8_000)
    message = stream.finalize(completed_at=naive + timedelta(milliseconds=9))
    response = store.message(message.message_id).streaming_response
    assert response is not None
    assert (response.started_at, response.completed_at) == (SENT, SENT + timedelta(milliseconds=9))
    assert [response.figures[name] for name in ("ttft_ms", "e2e_ms")] == [5.0, 9.0]


def test_moments_of_another_zone_are_stored_in_utc(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    stream.sent(SENT.astimezone(timezone(timedelta(hours=5))))
    stream.append("a", at_us=SENT_US + 1_000)
    [path] = store.path.rglob(f"{stream.finalize().message_id}.json")
    assert b'"started_at":"2026-11-23T12:00:00.000000Z"' in path.read_bytes()


def test_a_request_is_sent_at_a_moment(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    with pytest.raises(TypeError, match="the moment of a request is a datetime, not str"):
        stream.sent("2026-11-23")  # type: ignore[arg-type] # what is tested
    assert stream.finalize().content == ""


def test_an_unknown_durability_begins_nothing(store: Store) -> None:
    before = stored_files(store.path)
    with pytest.raises(ValueError, match="durability is one of chunk, second, none, not 'Chunk'"):
        store.open_stream(CONTEXT_ID, durability="Chunk")  # type: ignore[arg-type] # what is tested
    assert stored_files(store.path) == before


def test_both_halves_of_a_character_in_one_chunk_are_that_character(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    stream.append("a\ud83d\ude00")
    stream.append("b")
    message = stream.finalize()
    assert message == store.message(message.message_id)
    assert message.content == "a😀b"
    assert message.streaming_response is not None
    assert [chunk.accumulated_chars for chunk in message.streaming_response.chunks] == [2, 3]


@pytest.mark.parametrize(
    "line",
    [
        '{"at":"2026-11-23T12:00:00Z","delta":5}',
        '{"at":"2026-11-23T12:00:00Z","delta":"x","kind":null}',
        '{"at":"0001-01-01T00:00:00+23:59","delta":"x"}',
        '{"at":"soon","delta":"x"}',
        '{"delta":"x"}',
        '{"started_at":5}',
        '{"metadata":{"consumer_ms":"long"}}',
        "[1]",
        "nonsense",
    ],
)
def test_a_journal_with_a_line_that_is_none_is_named_and_the_context_goes_on(store: Store, line: str) -> None:
    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    stream.append("x")
    path = next(store.path.rglob(f"{stream.message_id}.journal.jsonl"))
    data = path.read_bytes()
    stream.abort()
    path.write_bytes(data + line.encode() + b"\n" + b'{"at":"2026-11-23T12:00:00Z","delta":"y"}\n')
    next(store.path.rglob(f"{stream.message_id}.json")).unlink()
    context = the_context(Store(store.path))
    with pytest.raises(CorruptFileError, match=str(path.name)):
        context.message(stream.message_id)
    with pytest.warns(UserWarning, match="1 file"):
        assert len(context.messages()) == 6
    context.append_message(text(50))
    assert the_context(Store(store.path)).message(message_id(50)).content == text(50).content
    assert path.read_bytes().startswith(data)
    assert str(path) in {problem.path for problem in Store(store.path).problems()}


def long_stream(store: Store) -> tuple[Stream, Path]:
    stream = Stream(the_context(store).folder(), begun_response(), "chunk", most_chars=3)
    for delta in ("The ", "sky ", "is ", "blue"):
        stream.append(delta)
    return stream, next(store.path.rglob(f"{stream.message_id}.journal.jsonl"))


@pytest.mark.parametrize(
    "change", [lambda data: data[:20], lambda data: b"x" * len(data), lambda data: data.replace(b'"sky "', b"5     ")]
)
def test_a_journal_that_somebody_changed_is_no_answer_and_is_kept(store: Store, change: Any) -> None:
    stream, path = long_stream(store)
    spoilt = change(path.read_bytes())
    path.write_bytes(spoilt)
    for _ in range(2):
        with pytest.raises(CorruptFileError, match=path.name):
            stream.finalize()
    assert path.read_bytes() == spoilt
    assert not list(store.path.rglob(f"{stream.message_id}.json"))


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that is open")
def test_a_journal_that_somebody_removed_is_still_read(store: Store) -> None:
    stream, path = long_stream(store)
    path.unlink()
    assert stream.finalize().content == "The sky is blue"


def test_a_thread_that_cannot_be_started_begins_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    before = stored_files(store.path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            store.open_stream(CONTEXT_ID)
    assert stored_files(store.path) == before
    assert store.open_stream(CONTEXT_ID).finalize().content == ""


def test_a_chunk_that_waits_for_the_disk_when_somebody_presses_stop_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    stream.append("one ")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Event, "wait", stopped)
        with pytest.raises(KeyboardInterrupt):
            stream.append("two ")
    assert stream.finalize().content == "one two "


def test_an_end_that_is_stopped_after_it_was_stored_holds_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody presses "stop" while the journal is removed: the message is there, and its context is free."""

    def stopped(_: Path) -> NoReturn:
        raise KeyboardInterrupt

    stream = store.open_stream(CONTEXT_ID)
    stream.append("x")
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "remove", stopped)
        with pytest.raises(KeyboardInterrupt):
            stream.finalize()
    with pytest.raises(StreamStateError, match="after the end"):
        stream.append("y")
    the_context(store).append_message(text(50))
    assert not list(store.path.rglob("*.journal.jsonl"))
    assert store.message(stream.message_id).content == "x"
    the_context(store).delete()
