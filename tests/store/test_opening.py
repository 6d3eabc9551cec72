"""Making a store, finding one, and refusing what is none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import FormatError, NotFoundError, ReadOnlyError
from chatkit.store import Store
from tests.store.trees import (
    CONTEXT_ID,
    LEGACY,
    SINGLE_FILES,
    SPLIT_FOLDERS,
    damage,
    filled,
    folder_of,
    message_id,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SINGLE_ID, SPLIT_ID = "87e3f1b9-b91f-54a2-9592-9c1368847993", "a18cc304-e205-54f5-bc29-90c637ec3247"
SPLIT_IDS = {SPLIT_ID, "c93820d9-67be-5772-8b22-87760a979a62"}


def ids(path: Path) -> set[str]:
    return {context.context_id for context in Store(path).contexts()}


def test_a_new_store_is_empty_and_says_its_format(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "deep" / "store")
    assert store.contexts() == []
    assert json.loads((store.path / "store.json").read_text(encoding="utf-8")) == {"format": "chatkit", "version": 1}
    assert ids(store.path) == set()


def test_an_empty_folder_can_become_a_store(tmp_path: Path) -> None:
    assert Store.create(tmp_path).path == tmp_path


@pytest.mark.parametrize("occupy", [lambda path: path.touch(), lambda path: (path / "x").mkdir(parents=True)])
def test_no_store_is_made_where_something_is(tmp_path: Path, occupy: Callable[[Path], None]) -> None:
    occupy(tmp_path / "taken")
    with pytest.raises(FormatError, match=r"taken: not empty.*Store\(path\) opens"):
        Store.create(tmp_path / "taken")


def test_no_store_is_made_over_a_store(store: Store) -> None:
    with pytest.raises(FormatError, match="not empty"):
        Store.create(store.path)


@pytest.mark.parametrize("where", [".", "contexts", f"contexts/{CONTEXT_ID}"])
def test_a_store_opens_from_its_folder_its_contexts_and_a_contexts_own_folder(store: Store, where: str) -> None:
    assert ids(store.path / where) == {CONTEXT_ID}


def test_a_store_without_store_json_is_one_of_version_1(store: Store) -> None:
    (store.path / "store.json").unlink()
    assert ids(store.path) == {CONTEXT_ID}


@pytest.mark.parametrize("where", [".", "data", "data/contexts"])
def test_the_split_format_opens_from_each_folder_above_its_contexts(where: str) -> None:
    assert ids(LEGACY / "split" / where) == SPLIT_IDS


def test_the_split_format_opens_from_a_contexts_own_folder() -> None:
    assert ids(SPLIT_FOLDERS / SPLIT_ID) == {SPLIT_ID}


@pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")
@pytest.mark.parametrize("where", [".", "conversations"])
def test_the_single_file_format_opens_from_each_folder_above_its_files(where: str) -> None:
    readable = {path.stem for path in SINGLE_FILES.iterdir()} - {"624b1ae6-449e-53cf-90da-27a860f56e6c"}
    assert ids(LEGACY / "single-file" / where) == readable


def test_the_single_file_format_opens_from_the_file_of_one_context() -> None:
    assert ids(SINGLE_FILES / f"{SINGLE_ID}.json") == {SINGLE_ID}


@pytest.mark.parametrize("where", [".", "contexts", f"contexts/{CONTEXT_ID}"])
def test_the_current_folder_opens_whichever_it_is(store: Store, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.chdir(store.path / where)
    assert ids(Path()) == {CONTEXT_ID}


def test_formats_can_be_mixed_in_one_root(store: Store) -> None:
    shutil.copytree(SPLIT_FOLDERS / SPLIT_ID, store.path / "contexts" / SPLIT_ID)
    (store.path / "conversations").mkdir()
    shutil.copy(SINGLE_FILES / f"{SINGLE_ID}.json", store.path / "conversations")
    formats = {context.context_id: context.format_name for context in store.contexts()}
    assert formats == {CONTEXT_ID: "chatkit", SPLIT_ID: "split", SINGLE_ID: "single-file"}


def test_where_a_context_is_there_in_an_old_format_and_in_ours_ours_counts(store: Store) -> None:
    content = json.loads((SINGLE_FILES / f"{SINGLE_ID}.json").read_text(encoding="utf-8")) | {"id": CONTEXT_ID}
    (store.path / "conversations").mkdir()
    (store.path / "conversations" / f"{CONTEXT_ID}.json").write_text(json.dumps(content), encoding="utf-8")
    assert [context.format_name for context in store.contexts()] == ["chatkit"]


def test_a_folder_that_is_not_there_is_named_and_how_to_make_one_said(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"nowhere: no such folder.*Store\.create\(path\)"):
        Store(tmp_path / "nowhere")


def test_an_empty_folder_is_no_store_and_what_was_looked_for_is_said(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"not a store: no store\.json, no contexts/\*/metadata\.json.*Store\.create"):
        Store(tmp_path)


def test_a_folder_and_a_file_of_something_else_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "contexts" / "not-an-id").mkdir(parents=True)
    (tmp_path / "contexts" / "not-an-id" / "metadata.json").write_text("{}")
    (tmp_path / "notes.json").write_text("{}")
    for path in (tmp_path, tmp_path / "notes.json"):
        with pytest.raises(FormatError, match="not a store"):
            Store(path)


def test_a_newer_store_is_refused_and_both_versions_named(store: Store) -> None:
    damage(store.path / "store.json", b'{"format": "chatkit", "version": 7}')
    with pytest.raises(FormatError, match=r"version 7.*up to version 1"):
        Store(store.path)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"format": "other", "version": 1}', b'{"format": "chatkit"}', b"\xff\xfe\xfd", b"null"]
)
def test_a_damaged_store_json_is_named(store: Store, data: bytes) -> None:
    damage(store.path / "store.json", data)
    with pytest.raises(FormatError, match=r"store\.json"):
        Store(store.path)


@pytest.mark.parametrize(
    "bad", ["../../etc/passwd", "a/b/c/d/e", "0c0e3f5", "", "0C0E3F5E", f"{CONTEXT_ID}0", "0c0e3f5e*", 7, None]
)
def test_what_can_be_no_id_is_refused_before_it_touches_a_path(
    store: Store, bad: object, opened_files: list[str]
) -> None:
    del opened_files[:]
    for look_up in (store.context, store.message):
        with pytest.raises(NotFoundError, match=r"context_id|message_id"):
            look_up(bad)
    assert opened_files == []


def test_an_unknown_id_is_said_to_be_unknown(store: Store) -> None:
    unknown = "ffffffff-0000-4000-8000-000000000000"
    with pytest.raises(NotFoundError, match=f"no context {unknown} among the 1"):
        store.context(unknown)
    with pytest.raises(NotFoundError, match=f"no message {unknown} among the 6"):
        store.message(unknown)
    assert store.context_of(unknown) is None


def test_a_unique_beginning_of_an_id_is_enough(store: Store) -> None:
    assert store.context(CONTEXT_ID[:8]).context_id == CONTEXT_ID
    assert store.message(message_id(3)[:8]).message_id == message_id(3)


def test_a_beginning_that_several_ids_share_is_refused_and_they_are_named(store: Store) -> None:
    other = f"{CONTEXT_ID[:-1]}2"
    store.create_context(context_id=other)
    with pytest.raises(NotFoundError, match=f"2 contexts begin with {CONTEXT_ID[:9]}.*{other}"):
        store.context(CONTEXT_ID[:9])
    assert store.context(other).context_id == other


def test_the_context_of_a_message_is_found_without_opening_one(store: Store, opened_files: list[str]) -> None:
    found = store.context_of(message_id(3))
    assert found is not None
    assert found.context_id == CONTEXT_ID
    assert [path for path in opened_files if "messages" + os.sep in path] == []


def test_a_message_that_came_later_is_found_by_a_store_opened_before(store: Store) -> None:
    assert store.message(message_id(0)).content == "said"
    other = Store(store.path)
    context = other.create_context()
    from_elsewhere = other.context(context.context_id)
    from_elsewhere.append_message(text(9))
    assert store.message(message_id(9)).context_id == context.context_id


def test_an_old_format_is_written_to_by_nobody_whatever_folder_it_is_opened_from(tmp_path: Path) -> None:
    shutil.copytree(LEGACY / "split", tmp_path / "split")
    for where in (".", "data", "data/contexts", f"data/contexts/{SPLIT_ID}"):
        with pytest.raises(ReadOnlyError):
            Store(tmp_path / "split" / where).create_context()


def test_a_store_without_store_json_can_be_written_to(store: Store) -> None:
    (store.path / "store.json").unlink()
    assert Store(store.path).create_context(title="x").title == "x"


def test_a_context_is_not_made_twice(store: Store) -> None:
    with pytest.raises(FileExistsError):
        store.create_context(context_id=CONTEXT_ID)


def test_contexts_come_in_the_order_of_creation_those_of_unknown_time_last(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    early, unknown = "ffffffff-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000001"
    store.create_context(context_id=unknown)
    path = store.path / "contexts" / unknown / "metadata.json"
    content = json.loads(path.read_bytes()) | {"created_at": None}
    path.write_text(json.dumps(content), encoding="utf-8")
    metadata = the_metadata(store, early)
    assert metadata["created_at"].startswith("2020")
    assert [context.context_id for context in store.contexts()] == [early, CONTEXT_ID, unknown]


def the_metadata(store: Store, context_id: str) -> dict[str, str]:
    """Make a context of the year 2020 and return its file's content."""
    context = store.create_context(context_id=context_id)
    path = folder_of(store).parent / context.context_id / "metadata.json"
    content: dict[str, str] = json.loads(path.read_bytes()) | {"created_at": "2020-01-01T00:00:00Z"}
    path.write_text(json.dumps(content), encoding="utf-8")
    return content
