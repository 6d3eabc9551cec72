"""What the problems of a store and of a context name, and when they forget."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

import chatkit as ck
from chatkit.errors import CorruptFileWarning
from chatkit.store import Store
from chatkit.store.repair import repair_store
from tests.store.trees import (
    LEGACY,
    age,
    damage,
    filled,
    folder_of,
    message_id,
    message_path,
    response,
    text,
    the_context,
)

if TYPE_CHECKING:
    from pathlib import Path

THREE_TURNS = "87e3f1b9-b91f-54a2-9592-9c1368847993"


def said(store: Store) -> list[tuple[str, str | None, str]]:
    return [(problem.where, problem.message_id, problem.reason) for problem in store.problems()]


def take_out_of_index(store: Store, number: int) -> None:
    path = folder_of(store) / "index.json"
    content = json.loads(path.read_bytes())
    content["messages"] = [one for one in content["messages"] if one["message_id"] != message_id(number)]
    damage(path, json.dumps(content).encode())


def test_a_message_file_that_no_index_lists_is_named(store: Store) -> None:
    take_out_of_index(store, 3)
    assert said(store) == [("", message_id(3), "no index lists it; 'chatkit repair' does")]
    assert store.problems()[0].path == str(message_path(store, 3))


def test_one_that_came_a_moment_ago_is_on_its_way_into_the_index(store: Store) -> None:
    take_out_of_index(store, 3)
    message_path(store, 3).touch()
    assert said(store) == []


def test_what_no_index_lists_is_read_too(store: Store) -> None:
    take_out_of_index(store, 3)
    damage(message_path(store, 3), b"{")
    assert [problem[:2] for problem in said(store)] == [("line 1 column 2", message_id(3))]


def test_an_id_that_a_branch_lists_and_no_file_has_is_named(store: Store) -> None:
    take_out_of_index(store, 3)
    message_path(store, 3).unlink()
    assert said(store) == [("branches.main", message_id(3), f"lists {message_id(3)}, of which there is no message")]


def test_what_index_and_branch_list_in_vain_is_named_once(store: Store) -> None:
    message_path(store, 3).unlink()
    assert [problem[1] for problem in said(store)] == [message_id(3)]


def test_what_was_put_right_is_forgotten(store: Store) -> None:
    whole = message_path(store, 3).read_bytes()
    damage(message_path(store, 3), b"{")
    assert len(store.problems()) == 1
    damage(message_path(store, 3), whole)
    assert store.problems() == []


def test_what_repair_mended_is_forgotten(store: Store) -> None:
    take_out_of_index(store, 3)
    (folder_of(store) / "metadata.json").unlink()
    assert len(store.problems()) == 2
    repair_store(store.path)
    assert store.problems() == []


def test_what_is_still_wrong_is_not_warned_of_again(store: Store) -> None:
    damage(message_path(store, 3), b"{")
    assert len(store.problems()) == 1
    assert len(the_context(store).messages()) == 5


def test_a_context_tells_its_own_problems_only(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    other = store.create_context(title="Wasps")
    other.append_message(text(20))
    age(store.path)
    damage(message_path(store, 3), b"{")
    assert [problem.message_id for problem in the_context(store).problems()] == [message_id(3)]
    assert other.problems() == []


def test_the_table_of_problems_is_made_of_contexts_and_messages_too(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    disordered = the_context(store).append_message(response(6, (100, "a"), (130, "b"), (118, "c")))
    store.create_context(title="Wasps").append_message(text(20))
    age(store.path)
    damage(message_path(store, 3), b"{")
    found = ck.problems_df(the_context(store))
    assert found["message_id"].tolist() == [message_id(3), message_id(6)]
    assert found["reason"].iloc[1] == "goes back by 12.000 ms"
    alone = ck.problems_df([disordered, disordered])
    assert alone[["message_id", "where"]].to_numpy().tolist() == [
        [message_id(6), "streaming_response.chunks.2.timestamp"]
    ]
    assert ck.problems_df(store).equals(found)


def test_of_a_context_in_both_old_formats_the_newer_is_read_and_the_other_named(tmp_path: Path) -> None:
    shutil.copytree(LEGACY / "single-file" / "conversations", tmp_path / "conversations")
    source = json.loads((tmp_path / "conversations" / f"{THREE_TURNS}.json").read_bytes())
    folder = tmp_path / "data" / "contexts" / THREE_TURNS
    (folder / "messages_pool").mkdir(parents=True)
    for node in source["message_pool"].values():
        (folder / "messages_pool" / f"{node['id']}.json").write_text(json.dumps(node), encoding="utf-8")
    (folder / "context.json").write_text(json.dumps(source | {"message_pool": {}}), encoding="utf-8")
    store = Store(tmp_path)
    assert store.context(THREE_TURNS).format_name == "split"
    with pytest.warns(CorruptFileWarning):
        assert {c.context_id: c.format_name for c in store.contexts()}[THREE_TURNS] == "split"
    [named] = [problem for problem in store.problems() if problem.context_id == THREE_TURNS]
    assert named.path == str(tmp_path / "conversations" / f"{THREE_TURNS}.json")
    assert named.reason == f"is not read: the same context is in {folder}, in the split format"


def test_without_metadata_the_branches_are_those_that_messages_name(store: Store) -> None:
    context = the_context(store)
    context.create_branch("other", until=message_id(1))
    context.append_messages([text(10), response(11)])
    age(store.path)
    before = context.metadata
    (folder_of(store) / "metadata.json").unlink()
    with pytest.warns(CorruptFileWarning, match=r"metadata\.json: is missing"):
        told = the_context(store).metadata
    assert told.branches.keys() == before.branches.keys()
    assert {name: branch.message_ids for name, branch in told.branches.items()} == {
        name: branch.message_ids for name, branch in before.branches.items()
    }
    assert told.active_branch_name == "other"
    repair_store(store.path)
    assert the_context(store).metadata == told


def test_without_metadata_a_branch_names_each_message_once(store: Store) -> None:
    """The first by position may answer one that stands behind it."""
    path = message_path(store, 1)
    message = json.loads(path.read_bytes())
    damage(path, json.dumps(message | {"position": 0, "parent_id": message_id(2)}).encode())
    for number in (0, 2):
        other = message_path(store, number)
        damage(other, json.dumps(json.loads(other.read_bytes()) | {"position": number + 5}).encode())
    (folder_of(store) / "metadata.json").unlink()
    with pytest.warns(CorruptFileWarning, match="is missing"):
        [branch] = the_context(Store(store.path)).branches.values()
    assert sorted(branch.message_ids) == sorted(set(branch.message_ids))
    assert branch.message_ids[:2] == (message_id(2), message_id(1))
