"""Titles, states, branches and deletion: changes that touch no message, and nothing that is not ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.errors import NotFoundError, StoreBusyError
from chatkit.models import Message
from chatkit.store.checking import check_store
from chatkit.store.repair import repair_store
from chatkit.store.trash import empty_trash, trashed
from tests.store.trees import CONTEXT_ID, filled, folder_of, message_id, message_path, stored_files, text, the_context

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def plain(path: Path) -> Any:
    return json.loads(path.read_bytes())


def test_a_branch_shares_the_messages_up_to_one_and_takes_what_is_appended(store: Store) -> None:
    context = the_context(store)
    context.create_branch("shorter", until=message_id(2)[:8])
    stored = context.append_message(text(6))
    assert (stored.branch, stored.parent_id, stored.position) == ("shorter", message_id(2), 6)
    assert context.branches["shorter"].message_ids == (*map(message_id, (0, 1, 2, 6)),)
    assert context.branches["main"].message_ids == (*map(message_id, range(6)),)
    assert context.message_ids == [*map(message_id, range(7))]
    assert [message.message_id for message in context.messages(1, 3, branch="shorter")] == [*map(message_id, (1, 2))]
    assert [message.message_id for message in context.messages(-1, None, branch="main")] == [message_id(5)]
    context.switch_branch("main")
    assert context.append_message(text(7)).parent_id == message_id(5)
    assert context.append_message(text(8), branch="shorter").parent_id == message_id(6)
    assert check_store(store.path) == []


def test_a_branch_without_an_end_shares_all_and_may_leave_the_active_one_active(store: Store) -> None:
    other = the_context(store)
    _ = other.branches  # read before somebody else writes
    the_context(store).append_message(text(6))
    other.create_branch("same", switch=False)
    assert other.branches["same"].message_ids == (*map(message_id, range(7)),)
    assert other.metadata.active_branch_name == "main"


@pytest.mark.parametrize("name", ["main", "shorter"])
def test_branches_that_are_there_or_not_are_refused_and_nothing_changes(store: Store, name: str) -> None:
    context = the_context(store)
    context.create_branch("shorter")
    before = stored_files(store.path)
    with pytest.raises(ValueError, match=f"there is a branch '{name}'"):
        context.create_branch(name)
    with pytest.raises(NotFoundError, match="no branch 'other'"):
        context.switch_branch("other")
    with pytest.raises(NotFoundError):
        context.create_branch("longer", until=message_id(77))
    with pytest.raises(NotFoundError, match="no branch 'other'"):
        context.messages(branch="other")
    assert stored_files(store.path) == before


def test_titles_and_states_are_set(store: Store) -> None:
    context = the_context(store)
    context.set_title("Wasps")
    context.set_state("executing_tool")
    assert (the_context(store).title, the_context(store).current_state) == ("Wasps", "executing_tool")
    context.set_title(None)
    assert the_context(store).title is None


@pytest.mark.parametrize("half", ["a\ud83d", "\ude00b"])
def test_half_a_character_in_a_title_or_a_state_stands_in_nobodys_way(store: Store, half: str) -> None:
    context = the_context(store)
    context.set_title(half)
    context.set_state({"failed": {"error_message": half, "failed_at": "2026-11-23T09:00:00Z"}})
    context.create_branch("other")
    context.append_message(text(6))
    store.open_stream(CONTEXT_ID).finalize()
    assert the_context(store).title == half
    context.set_state({"failed": {"error_message": half}})
    assert the_context(store).current_state == {"failed": {"error_message": half}}
    assert len(the_context(store).branches["other"].message_ids) == 8
    assert check_store(store.path) == []


def test_half_a_character_is_no_name_of_a_branch(store: Store) -> None:
    before = stored_files(store.path)
    with pytest.raises(ValueError, match="half a character"):
        the_context(store).create_branch("a\ud83d")
    assert stored_files(store.path) == before


def add_unknown_keys(store: Store) -> None:
    """Keys of an application at every level of index and metadata."""
    index, metadata = plain(folder_of(store) / "index.json"), plain(folder_of(store) / "metadata.json")
    for entry in (index, *index["messages"]):
        entry["app"] = {"own": [1, 2.50]}
    for part in (metadata, metadata["config"], metadata["branches"]["main"]):
        part["app"] = "ours"
    (folder_of(store) / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder_of(store) / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")


def hold_unknown_keys(store: Store) -> None:
    index, metadata = plain(folder_of(store) / "index.json"), plain(folder_of(store) / "metadata.json")
    assert all(entry["app"] == {"own": [1, 2.50]} for entry in (index, *index["messages"][:6]))
    assert all(part["app"] == "ours" for part in (metadata, metadata["config"], metadata["branches"]["main"]))


def test_keys_that_are_not_ours_survive_every_kind_of_write(store: Store) -> None:
    add_unknown_keys(store)
    assert check_store(store.path) == []
    context = the_context(store)
    context.append_message(text(6))
    context.set_title("x")
    context.set_state("idle")
    context.create_branch("other", until=message_id(2))
    context.switch_branch("main")
    stream = store.open_stream(CONTEXT_ID)
    stream.append("x")
    entries = plain(folder_of(store) / "index.json")
    entries["messages"][-1]["app"] = "in flight"
    (folder_of(store) / "index.json").write_text(json.dumps(entries), encoding="utf-8")
    stream.finalize()
    assert plain(folder_of(store) / "index.json")["messages"][-1]["app"] == "in flight"
    hold_unknown_keys(store)


def test_keys_that_are_not_ours_survive_repair(store: Store) -> None:
    add_unknown_keys(store)
    message = Message.from_text("theirs", message_id=message_id(6), context_id=CONTEXT_ID, position=6)
    message_path(store, 6).write_text(json.dumps(message.to_dict() | {"app": 1}), encoding="utf-8")
    assert len(repair_store(store.path)[0]) == 2
    assert check_store(store.path) == []
    assert plain(message_path(store, 6))["app"] == 1
    hold_unknown_keys(store)


def test_metadata_without_branches_are_written_to_as_they_are_read(store: Store) -> None:
    path = folder_of(store) / "metadata.json"
    metadata = plain(path)
    del metadata["branches"], metadata["active_branch_name"]
    path.write_text(json.dumps(metadata), encoding="utf-8")
    assert the_context(store).append_message(text(6)).branch == "main"
    assert the_context(store).branches["main"].message_ids == (message_id(6),)


def test_deleting_moves_to_the_trash_and_emptying_that_removes(store: Store) -> None:
    files = {path.name for path in folder_of(store).rglob("*.json")}
    where = the_context(store).delete()
    assert store.contexts() == []
    assert {path.name for path in where.rglob("*.json")} == files
    again = store.create_context(context_id=CONTEXT_ID).delete()
    assert again.name == f"{CONTEXT_ID}.2"
    assert trashed(store.path) == [where, again]
    assert empty_trash(store.path) == 2
    assert (trashed(store.path), (store.path / ".trash").exists()) == ([], False)


def test_what_is_deleted_is_gone_for_whoever_still_has_it(store: Store) -> None:
    context, same = the_context(store), the_context(store)
    store.message(message_id(3))
    context.delete()
    for act in (
        same.delete,
        lambda: same.append_message(text(6)),
        lambda: same.set_title("x"),
        lambda: store.message(message_id(3)),
        lambda: store.context(CONTEXT_ID),
    ):
        with pytest.raises(NotFoundError):
            act()
    assert not folder_of(store).exists()


def test_a_context_that_is_being_recorded_is_not_deleted(store: Store) -> None:
    stream = store.open_stream(CONTEXT_ID)
    with pytest.raises(StoreBusyError, match=f"message {stream.message_id} is being recorded"):
        the_context(store).delete()
    stream.finalize()
    the_context(store).delete()
    assert not folder_of(store).exists()
