"""A bad file stops nothing: the rest is read, and the file, the place and the reason are named."""

from __future__ import annotations

import json
import re
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.errors import CorruptFileError, CorruptFileWarning
from chatkit.store import Store
from tests.store.trees import CONTEXT_ID, damage, folder_of, message_id, message_path, response, the_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatkit.store import Problem


def changed(path: Path, **changes: Any) -> bytes:
    """The file's content with other values."""
    return json.dumps(json.loads(path.read_bytes()) | changes).encode()


def response_with(path: Path, **changes: Any) -> bytes:
    """The file of a response with other values in it."""
    content = json.loads(path.read_bytes())
    content["streaming_response"] |= changes
    return json.dumps(content).encode()


BAD: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "truncated": (lambda path: path.read_bytes()[:100], "line 1 column"),
    "empty": (lambda _: b"", "line 1 column 1"),
    "zeros, as a power cut leaves them": (lambda _: bytes(100), "line 1 column 1"),
    "invalid UTF-8": (lambda path: path.read_bytes().replace(b"Hel", b"H\xffl"), "not UTF-8"),
    "NaN": (lambda path: path.read_bytes().replace(b'"total_duration_ms":200', b'"total_duration_ms":NaN'), "NaN"),
    "deep nesting": (lambda _: b"[" * 100_000, "recursion"),
    "a list": (lambda _: b"[]", "valid dictionary"),
    "another id than its name": (lambda path: changed(path, message_id=message_id(99)), "unlike its file name"),
    "a newer schema": (lambda path: changed(path, schema=2), "schema 2 is newer than 1"),
    "no such time": (lambda path: changed(path, created_at="yesterday"), "created_at: .*not an RFC 3339 time"),
    "a time out of range": (lambda path: changed(path, created_at="0001-01-01T00:00:00+14:00"), "range"),
    "a number for a text": (lambda path: response_with(path, content=5), r"streaming_response\.content"),
    "a number no column holds": (
        lambda path: response_with(path, usage={"prompt_tokens": 10**30}),
        r"streaming_response\.usage\.prompt_tokens",
    ),
    "a bad chunk": (
        lambda path: response_with(path, chunks=[{"sequence": 1, "delta": "a", "timestamp": "x"}]),
        r"streaming_response\.chunks\.0\.timestamp",
    ),
    "no content": (lambda path: changed(path, streaming_response=None), "no key of that name"),
}


@pytest.fixture(params=BAD, ids=list(BAD))
def bad_message(store: Store, request: pytest.FixtureRequest) -> tuple[Path, str]:
    """The file of message 3, damaged in one of many ways, and what is said of it."""
    spoil, said = BAD[request.param]
    path = message_path(store, 3)
    damage(path, spoil(path))
    return path, said


def problem_of(store: Store) -> Problem:
    problems = store.problems()
    assert len(problems) == 1
    return problems[0]


def test_a_bad_message_among_good_ones_is_left_out_and_named_in_one_warning(
    store: Store, bad_message: tuple[Path, str]
) -> None:
    path, said = bad_message
    with pytest.warns(CorruptFileWarning, match=re.escape(path.name)) as warned:
        found = the_context(store).messages()
    assert len(warned) == 1
    assert [message.message_id for message in found] == [message_id(number) for number in (0, 1, 2, 4, 5)]
    problem = problem_of(store)
    assert (problem.path, problem.context_id, problem.message_id) == (str(path), CONTEXT_ID, message_id(3))
    assert re.search(said, str(problem))


def test_a_strict_store_raises_on_a_bad_message(store: Store, bad_message: tuple[Path, str]) -> None:
    path, said = bad_message
    context = the_context(Store(store.path, strict=True))
    with pytest.raises(CorruptFileError, match=said) as raised:
        context.messages()
    assert raised.value.path == str(path)


def test_a_bad_message_asked_for_by_itself_raises(store: Store) -> None:
    damage(message_path(store, 3), b"{")
    with pytest.raises(CorruptFileError, match=message_id(3)):
        store.message(message_id(3))


def test_a_folder_in_a_messages_place_is_a_bad_message(store: Store) -> None:
    message_path(store, 3).unlink()
    message_path(store, 3).mkdir()
    with pytest.warns(CorruptFileWarning):
        assert len(the_context(store).messages()) == 5
    assert problem_of(store).path == str(message_path(store, 3))


def test_what_was_said_once_is_not_said_again(store: Store) -> None:
    damage(message_path(store, 3), b"{")
    with pytest.warns(CorruptFileWarning):
        the_context(store).messages()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(the_context(store).messages()) == 5
    assert len(store.problems()) == 1


def test_several_bad_files_of_a_context_make_one_warning_that_counts_them(store: Store) -> None:
    for number in (1, 3):
        damage(message_path(store, number), b"{")
    with pytest.warns(CorruptFileWarning, match="2 files with problems") as warned:
        the_context(store).messages()
    assert len(warned) == 1


def test_the_problems_of_a_store_are_found_without_a_warning(store: Store) -> None:
    damage(message_path(store, 3), b"{")
    assert [problem.message_id for problem in store.problems()] == [message_id(3)]


def test_a_good_store_has_no_problems(store: Store) -> None:
    assert store.problems() == []


def test_a_message_that_is_listed_but_missing_is_named(store: Store) -> None:
    message_path(store, 3).unlink()
    with pytest.warns(CorruptFileWarning, match=f"no message {message_id(3)}"):
        assert len(the_context(store).messages()) == 5


def test_foreign_and_temporary_files_are_ignored(store: Store) -> None:
    messages = folder_of(store) / "messages"
    for name in (".chatkit-tmp-0123456789ab", "notes.txt", "README.json", f"{message_id(7)}.json.bak", ".DS_Store"):
        (messages / name).write_bytes(b"{")
        (store.path / "contexts" / name).write_bytes(b"{")
    (store.path / ".trash" / "contexts" / "x").mkdir(parents=True)
    assert len(the_context(store).messages()) == 6
    assert len(store.contexts()) == 1
    assert store.problems() == []


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b'{"messages": [{"message_id": "x"}]}', b'{"messages": 5}'])
def test_a_missing_or_damaged_index_is_rebuilt_equal_to_the_old_one(store: Store, data: bytes | None) -> None:
    before = the_context(store).entries
    path = folder_of(store) / "index.json"
    if data is None:
        path.unlink()
    else:
        damage(path, data)
    with pytest.warns(CorruptFileWarning, match=r"index\.json"):
        assert the_context(store).entries == before
    assert problem_of(store).path == str(path)


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b'{"context_id": "x"}'])
def test_without_readable_metadata_the_messages_are_one_branch_in_their_order(store: Store, data: bytes | None) -> None:
    path = folder_of(store) / "metadata.json"
    if data is None:
        path.unlink()
    else:
        damage(path, data)
    with pytest.warns(CorruptFileWarning, match=r"metadata\.json"):
        [context] = store.contexts()
    assert context.branches["main"].message_ids == tuple(message_id(number) for number in range(6))
    assert (context.title, len(context.messages())) == (None, 6)


def test_metadata_of_another_context_is_not_believed(store: Store) -> None:
    path = folder_of(store) / "metadata.json"
    damage(path, changed(path, context_id=message_id(1)))
    with pytest.warns(CorruptFileWarning, match="unlike its folder"):
        assert [context.context_id for context in store.contexts()] == [CONTEXT_ID]


def test_without_metadata_and_index_the_messages_are_still_there(store: Store) -> None:
    for name in ("metadata.json", "index.json"):
        (folder_of(store) / name).unlink()
    with pytest.warns(CorruptFileWarning, match=r"metadata\.json"):
        [context] = store.contexts()
    with pytest.warns(CorruptFileWarning, match=r"index\.json"):
        assert [message.message_id for message in context.messages()] == [message_id(number) for number in range(6)]


def test_a_young_file_that_does_not_parse_is_read_once_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = message_path(store, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])  # another program is in the midst of writing it
    pauses: list[float] = []

    def finish(seconds: float) -> None:
        pauses.append(seconds)
        path.write_bytes(whole)

    monkeypatch.setattr(time, "sleep", finish)
    assert store.message(message_id(3)).content == "Hello"
    assert len(pauses) == 1
    assert pauses[0] < 1


def test_a_young_file_that_stays_broken_is_read_twice_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    message_path(store, 3).write_bytes(b"{")
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(CorruptFileError):
        store.message(message_id(3))
    assert len(pauses) == 1


def test_an_older_file_that_does_not_parse_is_not_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(message_path(store, 3), b"{")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(CorruptFileError):
        store.message(message_id(3))


def test_times_that_go_back_are_kept_as_stored_and_named(store: Store) -> None:
    context = the_context(store)
    context.append_message(response(6, (100, "a"), (130, "b"), (118, "c")))
    with pytest.warns(CorruptFileWarning, match=r"chunks\.2\.timestamp: goes back by 12\.000 ms"):
        [message] = context.messages(6)
    assert message.streaming_response is not None
    assert message.streaming_response.arrivals_ms.tolist() == [100, 130, 118]
