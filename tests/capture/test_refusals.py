"""What the disk refuses of one choice costs neither the others nor what has come."""

# ruff: noqa: PT031 - what warns is the block that is recorded

from __future__ import annotations

import errno
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.capture import record
from chatkit.capture.destination import Destination
from chatkit.store.journal import JournalWarning
from chatkit.store.streaming import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ZERO_ONE_ZERO_ONE = [(0, "zero"), (1, "one"), (0, " zero"), (1, " one")]


def said(choice: int, text: str) -> dict[str, Any]:
    return {"choices": [{"index": choice, "delta": {"content": text}}]}


def said_in_turn(pieces: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    return [said(choice, text) for choice, text in pieces]


def stored(path: Path) -> list[tuple[str, str | None]]:
    """Return content and finish reason of each response, in the order in which they stand."""
    [context] = ck.Store(path).contexts()
    responses = [message.streaming_response for message in context.messages()]
    return [(response.content, response.finish_reason) for response in responses if response is not None]


def refusing(calls: Iterable[int], done: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what another does, but in those of its calls in which the disk is full."""
    refused = set(calls)
    n_calls = 0

    def do(*given: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls in refused:
            raise OSError(errno.ENOSPC, f"No space left on device: call {n_calls}")
        return done(*given)

    return do


@pytest.mark.parametrize(
    ("refused", "left"), [({1}, {"one one"}), ({2}, {"zero zero"}), ({1, 2}, set())], ids=["first", "second", "both"]
)
def test_every_choice_is_stored_that_the_disk_takes_and_the_first_refusal_is_raised(
    refused: set[int], left: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "end", refusing(refused, Stream.end))
    with pytest.raises(OSError, match=f"call {min(refused)}"), record(tmp_path) as recorder:
        list(recorder.tee(said_in_turn(ZERO_ONE_ZERO_ONE)))
    whole = {path.stem for path in tmp_path.glob("contexts/*/messages/*.json")}
    journals = {path.name for path in tmp_path.glob("contexts/*/messages/*.journal.jsonl")}
    assert {ck.Store(tmp_path).message(message_id).content for message_id in whole} == left
    assert len(journals) == 2 - len(left)
    assert [content for content, _ in stored(tmp_path)] == ["zero zero", "one one"]


def test_what_the_disk_refused_at_the_end_holds_no_journal_and_is_ended_by_the_next_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "end", refusing({1, 2}, Stream.end))
    before = {*threading.enumerate()}
    with pytest.raises(OSError, match="call 1"), record(tmp_path) as recorder:
        list(recorder.tee(said_in_turn(ZERO_ONE_ZERO_ONE)))
    assert {*threading.enumerate()} <= before
    [context] = ck.Store(tmp_path).contexts()
    context.append_message(ck.Message.from_text("Later."))
    assert stored(tmp_path) == [("zero zero", "interrupted"), ("one one", "interrupted")]
    assert list(tmp_path.glob("contexts/*/messages/*.journal.jsonl")) == []


def test_a_choice_that_can_not_begin_is_kept_in_memory_until_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes it then, so that nothing is lost; the loop is not broken meanwhile."""
    monkeypatch.setattr(Destination, "begin", refusing({2}, Destination.begin))
    events = said_in_turn(ZERO_ONE_ZERO_ONE)
    with (
        pytest.warns(JournalWarning, match=r"choice 1 .*call 2; it is kept in memory until its end") as warned,
        record(tmp_path) as recorder,
    ):
        assert list(recorder.tee(events)) == events
    assert len(warned) == 1
    assert [message.content for message in recorder.messages] == ["zero zero", "one one"]
    assert stored(tmp_path) == [("zero zero", None), ("one one", None)]
    one = recorder.messages[1].streaming_response
    assert one is not None
    assert [chunk.delta for chunk in one.chunks] == ["one", " one"]


def test_a_choice_that_can_not_begin_while_the_loop_is_left_is_stored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Destination, "begin", refusing({2}, Destination.begin))
    with pytest.warns(JournalWarning, match="choice 1"), record(tmp_path) as recorder:
        for event in recorder.tee(said_in_turn(ZERO_ONE_ZERO_ONE)):
            if event == said(1, "one"):
                break
        gc.collect()  # where generators are not closed at once
    assert stored(tmp_path) == [("zero", "aborted"), ("one", "aborted")]


def test_a_choice_that_can_never_begin_is_told_when_the_others_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Destination, "begin", refusing(range(2, 99), Destination.begin))
    with (
        pytest.warns(JournalWarning, match="choice 1"),
        pytest.raises(OSError, match="call 3"),
        record(tmp_path) as recorder,
    ):
        list(recorder.tee(said_in_turn(ZERO_ONE_ZERO_ONE)))
    assert stored(tmp_path) == [("zero zero", None)]
