"""A conversation of ten thousand messages is opened by two files, and a message is found without a look at the rest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from chatkit.models import Branch, Index
from chatkit.store import Store
from chatkit.store.folder import index_entry
from chatkit.store.json_files import dump
from tests.store.trees import CONTEXT_ID, MADE_AT, message_id, text

if TYPE_CHECKING:
    from pathlib import Path

N_MESSAGES = 10_000
NAMES = ("main", "shorter", "ruder")


@pytest.fixture(scope="module")
def long_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three branches that take turns; its files are written as they are, without waiting for the disk each time."""
    root = tmp_path_factory.mktemp("long") / "store"
    context = Store.create(root).create_context(context_id=CONTEXT_ID, created_at=MADE_AT)
    folder, entries = context.folder(), []
    for position in range(N_MESSAGES):
        known = {"context_id": CONTEXT_ID, "position": position, "branch": NAMES[position % 3]}
        data = dump(text(position).model_copy(update=known))
        folder.message_file(message_id(position)).write_bytes(data)
        entries.append(index_entry(text(position), len(data)))
    ids = [entry.message_id for entry in entries]
    branches = {name: Branch(name=name, message_ids=tuple(ids[n::3])) for n, name in enumerate(NAMES)}
    folder.index_path.write_bytes(dump(Index(messages=tuple(entries))))
    folder.metadata_path.write_bytes(dump(context.metadata.model_copy(update={"branches": branches})))
    return root


def opened_in(root: Path, opened: list[str]) -> list[str]:
    return [os.path.relpath(path, root / "contexts" / CONTEXT_ID) for path in opened if CONTEXT_ID in path]


def test_opening_it_reads_two_files(long_store: Path, opened_files: list[str]) -> None:
    context = Store(long_store).context(CONTEXT_ID)
    assert (len(context.message_ids), len(context.branches["ruder"].message_ids)) == (10_000, 3_333)
    assert opened_in(long_store, opened_files) == ["index.json", "metadata.json"]


def test_a_range_of_a_branch_opens_its_own_files_only(long_store: Path, opened_files: list[str]) -> None:
    context = Store(long_store).context(CONTEXT_ID)
    _ = context.metadata
    del opened_files[:]
    found = context.messages(-2, None, branch="shorter")
    assert [message.position for message in found] == [9_994, 9_997]
    assert opened_in(long_store, opened_files) == [f"messages/{message_id(n)}.json" for n in (9_994, 9_997)]


def test_a_message_that_was_found_once_is_found_again_by_one_file(
    long_store: Path, opened_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(long_store)
    store.message(message_id(1))
    del opened_files[:]
    monkeypatch.setattr("chatkit.store.store.find_contexts", lambda _: pytest.fail("the whole store was looked up"))
    assert store.message(message_id(7_000)).position == 7_000
    assert opened_in(long_store, opened_files) == [f"messages/{message_id(7_000)}.json"]


def test_an_append_reads_one_message_only_whatever_the_length(long_store: Path, opened_files: list[str]) -> None:
    context = Store(long_store).context(CONTEXT_ID)
    del opened_files[:]
    assert context.append_message(text(N_MESSAGES)).position == N_MESSAGES
    opened = opened_in(long_store, opened_files)
    last, own = f"messages/{message_id(N_MESSAGES - 1)}.json", f"messages/{message_id(N_MESSAGES)}.json"
    assert {path for path in opened if path.startswith("messages/") and path.endswith(".json")} <= {last, own}


def test_a_message_that_came_after_the_first_look_is_found(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    context = store.create_context()
    first = context.append_message(text(1))
    store.message(first.message_id)
    for number in range(2, 6):
        second = Store(store.path).context(context.context_id).append_message(text(number))
        assert store.message(second.message_id) == second
    other = Store(store.path).create_context().append_message(text(9))
    assert store.message(other.message_id) == other
