"""Reading is lazy, and writes nothing."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chatkit as ck
from chatkit.errors import CorruptFileWarning, NotFoundError
from chatkit.models import Branch
from chatkit.store import Store
from chatkit.store.json_files import dump
from tests.store.trees import (
    CONTEXT_ID,
    LEGACY,
    SPLIT_FOLDERS,
    filled,
    folder_of,
    message_id,
    message_path,
    snapshot,
    the_context,
)

if TYPE_CHECKING:
    from collections.abc import Callable


MICROSECONDS = "a18cc304-e205-54f5-bc29-90c637ec3247"


def names(paths: list[str], root: Path) -> list[str]:
    """The opened files under a root, by name."""
    return [Path(path).name for path in paths if path.startswith(str(root)) and not Path(path).is_dir()]


def test_opening_a_store_reads_no_context_and_no_message(tmp_path: Path, opened_files: list[str]) -> None:
    store = filled(tmp_path / "store")
    del opened_files[:]
    Store(store.path)
    assert names(opened_files, store.path) == ["store.json"]


def test_listing_contexts_reads_their_metadata_and_no_message(store: Store, opened_files: list[str]) -> None:
    assert [context.title for context in store.contexts()] == ["Bees"]
    assert names(opened_files, store.path) == ["metadata.json"]


def test_the_ids_of_messages_come_from_the_index_alone(store: Store, opened_files: list[str]) -> None:
    assert the_context(store).message_ids == [message_id(number) for number in range(6)]
    assert names(opened_files, store.path) == ["index.json"]


@pytest.mark.parametrize(
    ("start", "stop", "numbers"),
    [
        (2, 4, [2, 3]),
        (None, None, range(6)),
        (4, None, [4, 5]),
        (None, 1, [0]),
        (-2, None, [4, 5]),
        (6, 9, []),
        (3, 3, []),
    ],
)
def test_a_range_of_messages_opens_only_their_files(
    store: Store, opened_files: list[str], start: int | None, stop: int | None, numbers: list[int]
) -> None:
    context = the_context(store)
    assert len(context.entries) == 6
    del opened_files[:]
    assert [message.message_id for message in context.messages(start, stop)] == [message_id(n) for n in numbers]
    assert names(opened_files, store.path) == [f"{message_id(number)}.json" for number in numbers]


def test_a_range_of_the_split_format_opens_only_its_files(opened_files: list[str]) -> None:
    context = Store(SPLIT_FOLDERS).context(MICROSECONDS)
    listed = json.loads((SPLIT_FOLDERS / MICROSECONDS / "context.json").read_bytes())["branches"]["main"]["message_ids"]
    assert context.message_ids == listed
    del opened_files[:]
    assert [message.message_id for message in context.messages(1, 3)] == listed[1:3]
    opened = [Path(path).name for path in opened_files if MICROSECONDS in path]
    assert opened == [f"{one}.json" for one in listed[1:3]]


def test_a_range_counts_within_a_branch_where_one_is_named(store: Store, opened_files: list[str]) -> None:
    metadata = the_context(store).metadata
    other = Branch(name="other", message_ids=(message_id(0), message_id(5), message_id(4)))
    path = folder_of(store) / "metadata.json"
    path.write_bytes(dump(metadata.model_copy(update={"branches": metadata.branches | {"other": other}})))
    context = the_context(store)
    assert list(context.branches) == ["main", "other"]
    del opened_files[:]
    assert [message.message_id for message in context.messages(1, 3, branch="other")] == [message_id(5), message_id(4)]
    assert names(opened_files, store.path) == [f"{message_id(5)}.json", f"{message_id(4)}.json"]


def test_a_branch_that_is_not_there_is_named_and_those_that_are(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"no branch 'other'.*it has main"):
        the_context(store).messages(branch="other")


def test_one_message_opens_one_file(store: Store, opened_files: list[str]) -> None:
    store.message(message_id(3))
    assert names(opened_files, store.path) == [f"{message_id(3)}.json"]


def test_a_context_asked_for_again_sees_what_has_changed(store: Store) -> None:
    assert the_context(store).title == "Bees"
    path = folder_of(store) / "metadata.json"
    path.write_bytes(path.read_bytes().replace(b"Bees", b"Wasps"))
    assert the_context(store).title == "Wasps"


def read_everything(store: Store) -> None:
    for context in store.contexts():
        repr(context)
        for message in context.messages():
            message.describe()
            store.message(message.message_id)
        for branch in context.branches:
            context.messages(branch=branch)
    store.problems()
    ck.contexts_df(store)
    ck.messages_df(store)
    ck.responses_df(store)
    ck.chunks_df(store)
    ck.problems_df(store)


def new_store(path: Path) -> None:
    filled(path)
    message_path(Store(path), 3).write_bytes(b"{")
    (path / "contexts" / CONTEXT_ID / "index.json").unlink()


MAKERS: dict[str, Callable[[Path], object]] = {
    "chatkit": new_store,
    "single-file": lambda path: shutil.copytree(LEGACY / "single-file", path),
    "split": lambda path: shutil.copytree(LEGACY / "split", path),
}


@pytest.mark.parametrize("format_name", MAKERS)
def test_reading_everything_changes_no_byte_and_no_time(
    tmp_path: Path, format_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    MAKERS[format_name](tmp_path / "store")
    before = snapshot(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        read_everything(Store(tmp_path / "store"))
    assert snapshot(tmp_path) == before


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are another matter there")
def test_a_read_only_folder_is_read(store: Store) -> None:
    folders = [path for path in [store.path, *store.path.rglob("*")] if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        opened = Store(store.path)
        assert len(opened.contexts()[0].messages()) == 6
        assert opened.problems() == []
        assert len(ck.responses_df(opened)) == 3
    finally:
        for folder in folders:
            folder.chmod(0o755)
