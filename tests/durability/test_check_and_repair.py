"""Check names whatever is half-done or damaged and changes nothing; repair mends what can be mended, once."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.models import Message
from chatkit.store import Store, writing
from chatkit.store.checking import check_store
from chatkit.store.repair import repair_store
from tests.durability.promises import is_whole, plain
from tests.store.trees import (
    CONTEXT_ID,
    MADE_AT,
    damage,
    filled,
    folder_of,
    message_id,
    message_path,
    response,
    snapshot,
    stored_files,
    text,
    the_context,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIX = [message_id(number) for number in range(6)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def rewrite(path: Path, change: Callable[[Any], None]) -> None:
    content = plain(path)
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def index_of(store: Store) -> Path:
    return folder_of(store) / "index.json"


def metadata_of(store: Store) -> Path:
    return folder_of(store) / "metadata.json"


def journal_path(store: Store, number: int) -> Path:
    return folder_of(store) / "messages" / f"{message_id(number)}.journal.jsonl"


def dead_journal(store: Store, number: int, lines: bytes = b"") -> None:
    """What a killed recorder leaves: a header, lines, no lock."""
    header = response(number, context_id=CONTEXT_ID, position=number, parent_id=message_id(number - 1))
    content = header.to_dict()
    content["streaming_response"] |= {"content": "", "chunks": [], "completed_at": None, "finish_reason": None}
    journal_path(store, number).write_bytes(json.dumps(content).encode() + b"\n" + lines)


CHUNK = b'{"at":"2026-11-23T09:00:06.100000Z","delta":"Hel"}\n'


def lose_index(store: Store) -> None:
    index_of(store).unlink()


def damage_index(store: Store) -> None:
    damage(index_of(store), b'{"messages": [')


def empty_index(store: Store) -> None:
    damage(index_of(store), b"[]")


def index_of_nothing(store: Store) -> None:
    damage(index_of(store), b'{"messages": [{"role": 5}]}')


def unlist(store: Store) -> None:
    rewrite(index_of(store), lambda index: index["messages"].pop(2))


def list_twice(store: Store) -> None:
    rewrite(index_of(store), lambda index: index["messages"].append(index["messages"][1]))


def list_what_is_not_there(store: Store) -> None:
    rewrite(
        index_of(store), lambda index: index["messages"].append(index["messages"][1] | {"message_id": message_id(9)})
    )


def mix_up(store: Store) -> None:
    rewrite(index_of(store), lambda index: index["messages"].reverse())


def say_something_else(store: Store) -> None:
    rewrite(index_of(store), lambda index: index["messages"][0].update(bytes=1))


def unlist_in_branch(store: Store) -> None:
    rewrite(metadata_of(store), lambda metadata: metadata["branches"]["main"]["message_ids"].pop(3))


def lose_branch(store: Store) -> None:
    rewrite(metadata_of(store), lambda metadata: metadata["branches"].pop("main"))


def copy_of_another(store: Store) -> None:
    rewrite(metadata_of(store), lambda metadata: metadata.update(context_id=message_id(1)))


def lose_metadata(store: Store) -> None:
    metadata_of(store).unlink()


def damage_metadata(store: Store) -> None:
    damage(metadata_of(store), b"{")


def leave_file(store: Store) -> None:
    (folder_of(store) / "messages" / ".chatkit-tmp-0123456789ab").write_bytes(b"{")
    (folder_of(store) / ".chatkit-tmp-0123456789ab").write_bytes(b"{")
    (store.path / ".chatkit-tmp-0123456789ab").write_bytes(b"{")


def leave_folder(store: Store) -> None:
    shutil.copytree(folder_of(store), store.path / "contexts" / f".chatkit-tmp-{message_id(8)}")


def get_stuck(store: Store) -> None:
    rewrite(metadata_of(store), lambda metadata: metadata.update(current_state="awaiting_llm_response"))


def half_a_header(store: Store) -> None:
    journal_path(store, 6).write_bytes(b'{"schema": 1, "mess')


def journal_of_a_finished(store: Store) -> None:
    dead_journal(store, 5, CHUNK)


MENDED = {
    lose_index: ["index"],
    damage_index: ["index"],
    empty_index: ["index"],
    index_of_nothing: ["index"],
    unlist: ["index"],
    list_twice: ["index"],
    list_what_is_not_there: ["index"],
    mix_up: ["index"],
    say_something_else: ["index"],
    unlist_in_branch: ["branch"],
    lose_branch: ["branch"] * 6,
    copy_of_another: ["metadata"],
    lose_metadata: ["metadata"],
    damage_metadata: ["metadata"],
    leave_file: ["temporary"] * 3,
    leave_folder: ["temporary"],
    get_stuck: ["state"],
    half_a_header: ["journal"],
    journal_of_a_finished: ["journal"],
}


def test_nothing_is_found_in_a_whole_store(store: Store) -> None:
    assert check_store(store.path) == []
    before = snapshot(store.path)
    assert repair_store(store.path) == ([], [])
    assert snapshot(store.path) == before


@pytest.mark.parametrize(("spoil", "kinds"), MENDED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_half_done_is_named_and_mended(store: Store, spoil: Callable[[Store], None], kinds: list[str]) -> None:
    messages = the_context(store).messages()
    whole = stored_files(store.path)
    spoil(store)
    before = snapshot(store.path)
    found = check_store(store.path)
    assert snapshot(store.path) == before  # looking changes nothing
    assert [finding.kind for finding in found] == kinds
    assert all(finding.remedy and str(store.path) in finding.path for finding in found)

    assert repair_store(store.path) == (found, [])
    assert check_store(store.path) == []
    mended = snapshot(store.path)
    assert repair_store(store.path) == ([], [])
    assert snapshot(store.path) == mended
    assert the_context(store).messages() == messages
    assert the_context(store).branches["main"].message_ids == tuple(SIX)
    is_whole(the_context(store).folder())
    if spoil not in (damage_metadata, lose_metadata):  # the title was there only
        after = {name: content for name, content in stored_files(store.path).items() if not name.endswith(".json")}
        assert after.keys() == {name for name in whole if not name.endswith(".json")}
        assert the_context(store).title == "Bees"


def test_damaged_metadata_are_kept_each_time(store: Store) -> None:
    for number in range(2):
        damage(metadata_of(store), b"{%d" % number)
        repair_store(store.path)
    kept = [(folder_of(store) / name).read_bytes() for name in ("metadata.damaged.json", "metadata.damaged.2.json")]
    assert kept == [b"{0", b"{1"]


def test_metadata_made_anew_tell_branches_times_and_state_from_the_messages(store: Store) -> None:
    context = the_context(store)
    context.create_branch("other", until=message_id(1))
    context.append_messages([text(6), response(7)])
    store.open_stream(CONTEXT_ID, message_id=message_id(8)).abort("gone", completed_at=MADE_AT)
    before = the_context(store)
    metadata_of(store).unlink()
    repair_store(store.path)
    after = the_context(store)
    assert after.branches == before.branches
    assert (after.metadata.active_branch_name, after.current_state) == ("other", before.current_state)
    assert after.metadata.created_at == MADE_AT


def test_a_message_that_nothing_lists_is_listed_in_its_place(store: Store) -> None:
    message = text(9).model_copy(update={"context_id": CONTEXT_ID, "position": 3, "parent_id": message_id(2)})
    message_path(store, 9).write_text(json.dumps(message.to_dict()), encoding="utf-8")
    assert [finding.kind for finding in check_store(store.path)] == ["index", "branch"]
    assert repair_store(store.path)[1] == []
    expected = [*SIX[:4], message_id(9), *SIX[4:]]  # beside another of its position, by time
    assert the_context(store).message_ids == expected
    assert list(the_context(store).branches["main"].message_ids) == expected


@pytest.mark.parametrize(
    ("lines", "content"),
    [
        (b"", ""),
        (CHUNK, "Hel"),
        (CHUNK + CHUNK[:-1], "Hel"),
        (CHUNK + b'{"at":"2026', "Hel"),
        (CHUNK + b"\x00" * 40, "Hel"),
    ],
    ids=["no chunk", "whole", "without line end", "torn", "zeros"],
)
def test_a_dead_journal_becomes_an_interrupted_response(store: Store, lines: bytes, content: str) -> None:
    dead_journal(store, 6, lines)
    found = check_store(store.path)
    assert "journal" in [finding.kind for finding in found]
    assert repair_store(store.path) == (found, [])
    message = store.message(message_id(6))
    assert message.streaming_response is not None
    assert (message.content, message.streaming_response.finish_reason) == (content, "interrupted")
    assert the_context(store).message_ids == [*SIX, message_id(6)]
    assert not journal_path(store, 6).exists()
    assert "failed" in the_context(store).current_state


def test_a_dead_journal_of_a_branch_that_is_gone_stands_in_nobodys_way(store: Store) -> None:
    the_context(store).create_branch("other")
    stream = store.open_stream(CONTEXT_ID)
    stream._journal.close()
    stream._lock.release(force=True)
    rewrite(metadata_of(store), lambda metadata: metadata["branches"].pop("other"))
    the_context(store).append_message(text(7), branch="main")
    assert the_context(store).branches["other"].message_ids == (stream.message_id,)
    assert check_store(store.path) == []


@pytest.mark.parametrize("lines", [b"\x00\n" + CHUNK, b"5\n" + CHUNK, b'{"delta": "no time"}\n' + CHUNK])
def test_a_journal_that_is_damaged_in_the_middle_is_named_and_left(store: Store, lines: bytes) -> None:
    dead_journal(store, 6, lines)
    content = journal_path(store, 6).read_bytes()
    left = repair_store(store.path)[1]
    assert [(finding.kind, finding.remedy, finding.message_id) for finding in left] == [
        ("damaged", None, message_id(6))
    ]
    assert journal_path(store, 6).read_bytes() == content
    assert the_context(store).append_message(text(7)).content == "said"


def test_temporary_files_of_others_are_let_be(store: Store) -> None:
    theirs = [
        folder_of(store) / name for name in ("messages/.tmp-1", "index.json.tmp", "messages/x.json~", ".DS_Store")
    ]
    for path in theirs:
        path.write_bytes(b"theirs")
    unlist(store)
    repair_store(store.path)
    assert check_store(store.path) == []
    assert all(path.read_bytes() == b"theirs" for path in theirs)


def test_a_damaged_message_is_named_left_and_stays_listed(store: Store) -> None:
    damage(message_path(store, 3), b"{")
    rewrite(index_of(store), lambda index: index["messages"].pop())
    found = check_store(store.path)
    assert {finding.kind: finding.remedy for finding in found} == {
        "damaged": None, "index": "made anew from the messages"
    }  # fmt: skip
    _, [left] = repair_store(store.path)
    assert (left.kind, left.remedy, left.context_id, left.message_id) == ("damaged", None, CONTEXT_ID, message_id(3))
    assert left.what == "line 1 column 2: Expecting property name enclosed in double quotes"
    assert the_context(store).message_ids == SIX
    assert message_path(store, 3).read_bytes() == b"{"
    assert [problem.message_id for problem in store.problems()] == [message_id(3)]


def test_a_branch_that_lists_what_is_not_there_is_named_and_left(store: Store) -> None:
    message_path(store, 3).unlink()
    left = repair_store(store.path)[1]
    assert [(finding.kind, finding.message_id) for finding in left] == [("missing", message_id(3))]
    assert the_context(store).message_ids == [one for one in SIX if one != message_id(3)]
    assert the_context(store).append_message(text(6)).position == 6
    is_in_order = [message.position for message in the_context(store).messages()]
    assert is_in_order == sorted(is_in_order, key=lambda position: position or 0)
    assert repair_store(store.path) == ([], left)


def test_a_context_that_is_being_created_is_not_swept_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = writing._fill

    def fill_and_look(temporary: Any, metadata: Any) -> None:
        fill(temporary, metadata)
        repair_store(store.path)

    monkeypatch.setattr(writing, "_fill", fill_and_look)
    assert store.create_context(title="New").title == "New"
    assert [context.title for context in store.contexts()] == ["Bees", "New"]


def test_folders_that_are_no_contexts_are_let_be(store: Store) -> None:
    (store.path / "contexts" / message_id(1)).mkdir()
    (store.path / "contexts" / "notes").mkdir()
    assert check_store(store.path) == []
    assert repair_store(store.path) == ([], [])


def test_an_append_that_was_refused_can_be_made_again_after_somebody_elses(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = the_context(store)
    with monkeypatch.context() as patched:
        patched.setattr("chatkit.store.writing.put_entries", lambda *_: (_ for _ in ()).throw(OSError("full")))
        with pytest.raises(OSError, match="full"):
            context.append_message(text(6))
    the_context(store).append_message(text(7))
    assert context.append_message(text(6)).position == 7
    assert check_store(store.path) == []


def test_an_id_of_a_response_in_flight_is_not_given_away(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    with pytest.raises(ValueError, match="there is a message of this id"):
        the_context(store).append_message(Message.from_text("x", message_id=stream.message_id))
    stream.finalize()
