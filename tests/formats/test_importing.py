"""Recordings into a store: contexts in the order of their turns, and nothing twice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.errors import ReadOnlyError
from chatkit.store import Store
from chatkit.store.trash import trashed
from tests.formats.recordings import event, header, lines, recording_id, write
from tests.store.trees import LEGACY, stored_files

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder


def contents(store: Store) -> list[tuple[str, str]]:
    """Who said what in the one context of a store."""
    [context] = store.contexts()
    return [(message.role, message.content) for message in context.messages()]


def conversation(*turns: int) -> list[tuple[str, str]]:
    return [said for turn in turns for said in (("user", f"question {turn}"), ("assistant", f" answer {turn}\n"))]


def test_recordings_of_one_conversation_become_one_context_without_what_requests_repeat(
    store: Store, captures: Path
) -> None:
    report = ck.import_recordings([write(captures, turn) for turn in (2, 0, 1)], store)
    assert (report.n_recordings, report.n_contexts, report.n_messages, report.n_known) == (3, 1, 6, 0)
    assert contents(store) == conversation(0, 1, 2)
    [context] = store.contexts()
    assert context.branches["main"].system_prompt == "Be brief."
    assert context.title == "question 0"


def test_each_message_follows_the_one_before(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, turn) for turn in range(3)], store)
    [context] = store.contexts()
    messages = context.messages()
    assert [message.parent_id for message in messages] == [None, *(message.message_id for message in messages[:-1])]
    assert [message.position for message in messages] == list(range(6))


def test_an_answer_keeps_its_times_labels_and_request(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, 0)], store)
    message = store.contexts()[0].messages()[1]
    response = message.streaming_response
    assert response is not None
    assert response.arrivals_ms.tolist() == [100, 150]
    assert (response.figures["headers_ms"], response.figures["first_event_ms"]) == (40, 100)
    assert (response.figures["e2e_ms"], response.finish_reason, response.model) == (300, "stop", "m")
    assert message.metadata["scenario"] == "chat"
    assert message.metadata["recording_id"] == recording_id(0)
    assert message.metadata["request"]["max_tokens"] == 80
    assert "messages" not in message.metadata["request"]


def test_importing_twice_adds_nothing_and_changes_no_byte(store: Store, captures: Path) -> None:
    paths = [write(captures, turn) for turn in range(3)]
    ck.import_recordings(paths, store)
    before = stored_files(store.path)
    report = ck.import_recordings([captures, *paths], store)
    assert (report.n_contexts, report.n_messages, report.n_known) == (0, 0, 6)
    assert stored_files(store.path) == before


def test_later_turns_go_on_with_the_context_of_the_first(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, 0)], store)
    [before] = store.contexts()
    write(captures, 1)
    report = ck.import_recordings([captures], store)
    assert (report.n_contexts, report.n_messages, report.n_known) == (0, 2, 2)
    assert contents(store) == conversation(0, 1)
    assert store.contexts()[0].context_id == before.context_id


@pytest.mark.parametrize(
    "runs", [[[1], [0]], [[0], [1]], [[2], [0, 1]], [[2], [1], [0]], [[1], [0, 1, 2]], [[0, 2], [1]]]
)
def test_turns_come_in_their_order_whichever_run_brings_them(
    store: Store, captures: Path, tmp_path: Path, runs: list[list[int]]
) -> None:
    turns = sorted({turn for run in runs for turn in run})
    for run in runs:
        report = ck.import_recordings([write(captures, turn) for turn in run], store)
    assert report.n_contexts == 0
    assert contents(store) == conversation(*turns)
    at_once = Store.create(tmp_path / "at once")
    ck.import_recordings([captures], at_once)
    [context], [expected] = store.contexts(), at_once.contexts()
    keys = {"context_id"}
    assert [message.model_dump(exclude=keys) for message in context.messages()] == [
        message.model_dump(exclude=keys) for message in expected.messages()
    ]
    assert (context.title, context.current_state) == (expected.title, expected.current_state)
    assert store.problems() == []
    again = ck.import_recordings([captures], store)
    assert (again.n_contexts, again.n_messages) == (0, 0)
    assert contents(store) == conversation(*turns)


def test_a_later_turn_alone_is_known_by_what_it_repeats(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, turn) for turn in range(2)], store)
    report = ck.import_recordings([captures / "turn-1.jsonl"], store)
    assert (report.n_messages, contents(store)) == (0, conversation(0, 1))


def test_a_context_that_is_made_anew_keeps_its_id_and_the_old_one_is_in_the_trash(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, 1)], store)
    [before] = store.contexts()
    before.set_title("mine")
    ck.import_recordings([write(captures, 0)], store)
    [after] = store.contexts()
    assert (after.context_id, after.title, after.metadata.metadata) == (before.context_id, "mine", {"context": "one"})
    assert after.branches["main"].system_prompt == "Be brief."
    assert [path.name for path in trashed(store.path)] == [before.context_id]


def test_where_somebody_has_written_too_an_earlier_turn_stands_at_the_end(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, 1)], store)
    store.contexts()[0].append_message(ck.Message.from_text("a note"))
    store.contexts()[0].create_branch("mine")
    ck.import_recordings([write(captures, 0)], store)
    assert ("user", "a note") in contents(store)
    assert contents(store)[-1] == ("assistant", " answer 0\n")
    assert trashed(store.path) == []


def test_the_same_label_and_question_with_another_answer_is_another_conversation(store: Store, captures: Path) -> None:
    ck.import_recordings([write(captures, 0)], store)
    other = write(captures, 0, id=recording_id(7), started_at_unix_ns=1_700_000_000_000_000_000)
    assert ck.import_recordings([other], store).n_contexts == 1


def test_an_import_that_was_stopped_is_finished_by_the_next(
    store: Store, captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(captures, 0)
    write(captures, 1)
    replace = os.replace
    n_messages = 0

    def stop_at_the_third(source: Path, target: Path) -> None:
        nonlocal n_messages
        n_messages += Path(target).parent.name == "messages"
        if n_messages == 3:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            ck.import_recordings([captures], store)
    ck.import_recordings([captures], store)
    assert contents(store) == conversation(0, 1)
    assert store.problems() == []


def test_recordings_without_a_context_get_one_each(store: Store, captures: Path) -> None:
    for turn in (0, 1):
        write(captures, turn, label={"scenario": "idle"})
    assert ck.import_recordings([captures], store).n_contexts == 2


def test_a_folder_stands_for_its_recordings_and_nothing_else_in_it(store: Store, captures: Path) -> None:
    write(captures, 0)
    (captures / "notes.txt").write_text("none")
    assert ck.import_recordings([captures], store).n_recordings == 1


@pytest.mark.parametrize("n_bytes", [1, 20, 60])
def test_a_recording_that_stops_in_the_middle_of_a_line_is_kept_up_to_there(
    store: Store, captures: Path, n_bytes: int
) -> None:
    path = write(captures, 0)
    path.write_bytes("\n".join(lines(0)[:3]).encode() + b"\n" + lines(0)[3].encode()[:n_bytes])
    report = ck.import_recordings([path], store)
    assert (report.cut, report.unreadable) == ([str(path)], [])
    response = store.contexts()[0].messages()[1].streaming_response
    assert response is not None
    assert (response.content, response.status, response.completed_at) == (" answer", "interrupted", None)


def test_a_context_whose_last_answer_was_cut_has_failed(store: Store, captures: Path) -> None:
    path = write(captures, 0)
    path.write_bytes(path.read_bytes()[:-30])
    ck.import_recordings([path], store)
    state = store.contexts()[0].current_state
    assert isinstance(state, dict)
    assert state["failed"]["error_message"] == "interrupted"


def test_a_client_that_hung_up_is_said_to_have_aborted(store: Store, captures: Path) -> None:
    made = [header(0, aborted_by_client=True), event(100, "a")]
    path = captures / "aborted.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
    ck.import_recordings([path], store)
    response = store.contexts()[0].messages()[1].streaming_response
    assert response is not None
    assert (response.status, response.usage) == ("aborted", None)


def broken(number: int, line: str) -> list[str]:
    """A recording with another line in the place of one."""
    made = lines(0)
    made[number - 1] = line
    return made


BAD: dict[str, tuple[Iterable[str], str]] = {
    "empty": ([], "line 1: no header"),
    "blank lines": (["", ""], "line 1: no header"),
    "no JSON in the header": (broken(1, "{"), "line 1: not JSON"),
    "a header that is none": (broken(1, "{}"), "line 1: capture"),
    "a newer capture": (broken(1, json.dumps(header(0, capture=2))), "line 1: capture: is 2; .* up to 1"),
    "an id that is none": (broken(1, json.dumps(header(0, id="x"))), "line 1: id"),
    "a damaged middle line": (broken(3, '{"t_ns": 1, "ev'), "line 3: not JSON"),
    "an event without a time": (broken(3, '{"event": "data: {}"}'), "line 3: t_ns"),
    "a request out of all time": (broken(1, json.dumps(header(0, started_at_unix_ns=10**30))), "line 1"),
    "an event before its request": (broken(3, json.dumps(event(-1, "a"))), "line 3: t_ns"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_recording_that_cannot_be_read_is_named_and_the_others_are_stored(
    store: Store, captures: Path, name: str
) -> None:
    made, said = BAD[name]
    bad = captures / "bad.jsonl"
    bad.write_text("".join(f"{line}\n" for line in made), encoding="utf-8")
    write(captures, 1, label={"scenario": "idle"})
    report = ck.import_recordings([captures], store)
    [reason] = report.unreadable
    assert reason.startswith(str(bad))
    with pytest.raises(ValueError, match=said):
        raise ValueError(reason)
    assert (report.n_recordings, report.n_contexts, len(store.contexts())) == (1, 1, 1)


@pytest.mark.parametrize("label", [{"model": 5}, {"model": ["m"]}, {"turn": "two"}, {"context": 7}, {"context": [1]}])
def test_labels_of_any_kind_are_kept(store: Store, captures: Path, label: dict[str, Any]) -> None:
    report = ck.import_recordings([write(captures, 0, label=label)], store)
    assert report.unreadable == []
    assert store.contexts()[0].messages()[1].metadata.items() >= label.items()


def test_a_label_that_is_not_a_number_is_unknown(store: Store, captures: Path) -> None:
    label = {"load": float("nan")}
    assert ck.import_recordings([write(captures, 0, label=label)], store).unreadable == []
    assert store.contexts()[0].messages()[1].metadata["load"] is None


def test_windows_line_ends_are_read(store: Store, captures: Path) -> None:
    path = captures / "windows.jsonl"
    path.write_bytes("\r\n".join([*lines(0), ""]).encode())
    report = ck.import_recordings([path], store)
    assert (report.cut, report.unreadable) == ([], [])
    assert contents(store) == conversation(0)


def test_a_path_that_is_not_there_is_named_and_nothing_stored(store: Store, captures: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl: no such file or folder; nothing was imported"):
        ck.import_recordings([write(captures, 0), captures / "nowhere.jsonl"], store)
    assert store.contexts() == []


def test_nothing_is_imported_into_an_old_format(captures: Path) -> None:
    with pytest.raises(ReadOnlyError):
        ck.import_recordings([write(captures, 0)], Store(LEGACY / "split"))


def test_the_sample_store_is_what_an_import_of_the_sample_recordings_makes(store: Store) -> None:
    ck.import_recordings([DATA / "recordings"], store)
    made = stored_files(store.path)
    kept = stored_files(DATA / "store")
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []
