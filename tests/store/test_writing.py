"""A message is stored whole, in an order in which nothing is lost, or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import CorruptFileError, NotFoundError, ReadOnlyError
from chatkit.models import Message
from chatkit.store import Store
from tests.store.trees import (
    CONTEXT_ID,
    LEGACY,
    SINGLE_FILES,
    damage,
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
    from typing import NoReturn

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def test_an_appended_message_has_its_place_set(store: Store) -> None:
    stored = the_context(store).append_message(text(6), at=LATER)
    assert (stored.context_id, stored.position, stored.branch) == (CONTEXT_ID, 6, "main")
    assert stored.parent_id == message_id(5)
    assert store.message(message_id(6)) == stored


def test_an_appended_message_keeps_the_parent_it_names(store: Store) -> None:
    message = text(6).model_copy(update={"parent_id": message_id(2)})
    assert the_context(store).append_message(message).parent_id == message_id(2)


def test_the_first_message_of_a_context_has_no_parent(store: Store) -> None:
    stored = store.create_context().append_message(text(7))
    assert (stored.parent_id, stored.position) == (None, 0)


def test_index_and_metadata_list_an_appended_message(store: Store) -> None:
    the_context(store).append_message(response(6), at=LATER)
    context = the_context(store)
    entry = context.entries[-1]
    assert (entry.message_id, entry.role, entry.message_type) == (message_id(6), "assistant", "streaming_response")
    assert (entry.chunks, entry.size_bytes) == (2, message_path(store, 6).stat().st_size)
    assert context.branches["main"].message_ids[-1] == message_id(6)
    assert context.metadata.updated_at == LATER


def test_several_messages_follow_one_another(store: Store) -> None:
    stored = the_context(store).append_messages([text(6), response(7)])
    assert [(message.position, message.parent_id) for message in stored] == [(6, message_id(5)), (7, message_id(6))]
    assert len(the_context(store).messages()) == 8


def test_a_context_sees_what_it_has_stored(store: Store) -> None:
    context = the_context(store)
    assert len(context.message_ids) == 6
    context.append_message(text(6))
    assert len(context.message_ids) == len(context.branches["main"].message_ids) == 7


def test_files_are_what_a_plain_json_reader_expects(store: Store) -> None:
    content = json.loads(message_path(store, 3).read_text(encoding="utf-8"))
    assert (content["schema"], content["position"], content["message_type"]) == (1, 3, "streaming_response")
    assert [chunk["delta"] for chunk in content["streaming_response"]["chunks"]] == ["Hel", "lo"]
    assert "kind" not in content["streaming_response"]["chunks"][0]
    index = json.loads((folder_of(store) / "index.json").read_text(encoding="utf-8"))
    assert index["messages"][3] == {
        "message_id": message_id(3), "role": "assistant", "message_type": "streaming_response",
        "created_at": "2026-11-23T09:00:03.000000Z", "parent_id": message_id(2),
        "bytes": message_path(store, 3).stat().st_size, "chunks": 2,
    }  # fmt: skip


def test_unknown_keys_of_index_and_metadata_survive_an_append(store: Store) -> None:
    for name in ("index.json", "metadata.json"):
        path = folder_of(store) / name
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"later": 1}), encoding="utf-8")
    the_context(store).append_message(text(6))
    for name in ("index.json", "metadata.json"):
        assert json.loads((folder_of(store) / name).read_bytes())["later"] == 1


def test_the_message_file_comes_first_then_the_index_then_the_metadata(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    replace = os.replace

    def note(source: Path, target: Path) -> None:
        written.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", note)
    the_context(store).append_message(text(6))
    assert written == [f"{message_id(6)}.json", "index.json", "metadata.json"]


def test_every_file_is_on_the_disk_before_it_gets_its_name(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        steps.append("sync")
        fsync(handle)

    def note_name(source: Path, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_name)
    the_context(store).append_message(text(6))
    one_file = ["sync", "name"] if os.name == "nt" else ["sync", "name", "sync"]
    assert steps == one_file * 3


def no_space(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_every_file_as_it_was_and_no_temporary_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = stored_files(store.path)
    with monkeypatch.context() as patched:
        patched.setattr(os, step, no_space)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            the_context(store).append_message(text(6))
    assert stored_files(store.path) == before


def test_a_message_that_cannot_be_written_as_json_leaves_the_context_as_it_was(store: Store) -> None:
    before = stored_files(store.path)
    with pytest.raises(ValueError, match="JSON"):
        the_context(store).append_message(text(6).model_copy(update={"metadata": {"rate": float("nan")}}))
    assert stored_files(store.path) == before


def test_an_append_that_was_cut_short_can_be_made_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def stop_before_the_index(source: Path, target: Path) -> None:
        if Path(target).name == "index.json":
            no_space()
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", stop_before_the_index)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            the_context(store).append_messages([text(6), text(7)])
    the_context(store).append_messages([text(6), text(7), text(8)])
    assert [message.message_id for message in the_context(store).messages(6)] == [message_id(n) for n in (6, 7, 8)]


@pytest.mark.parametrize("number", [3, 5])
def test_a_message_is_never_written_over(store: Store, number: int) -> None:
    before = stored_files(store.path)
    with pytest.raises(CorruptFileError, match="nothing was written over it"):
        the_context(store).append_message(text(number, "something else"))
    assert stored_files(store.path) == before


def test_the_very_same_message_is_not_stored_twice(store: Store) -> None:
    context = the_context(store)
    with pytest.raises(CorruptFileError, match="nothing was written over it"):
        context.append_message(store.message(message_id(5)))
    assert len(the_context(store).message_ids) == 6


def test_nothing_is_written_into_a_context_whose_metadata_are_damaged(store: Store) -> None:
    damage(folder_of(store) / "metadata.json", b"{")
    before = stored_files(store.path)
    with pytest.raises(CorruptFileError, match=r"metadata\.json"):
        the_context(store).append_message(text(6))
    assert stored_files(store.path) == before


def test_a_damaged_index_is_made_anew_by_the_next_append(store: Store) -> None:
    damage(folder_of(store) / "index.json", b"{")
    the_context(store).append_message(text(6))
    assert the_context(store).message_ids == [message_id(number) for number in range(7)]


def test_a_branch_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no branch 'other'"):
        the_context(store).append_message(text(6), branch="other")
    assert not message_path(store, 6).exists()


@pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")
@pytest.mark.parametrize("where", ["split", "single-file"])
def test_an_old_format_is_only_read_and_the_error_names_the_migration(tmp_path: Path, where: str) -> None:
    shutil.copytree(LEGACY / where, tmp_path / "old", ignore=shutil.ignore_patterns("624b1ae6*"))
    store = Store(tmp_path / "old")
    before = snapshot(tmp_path)
    for context in store.contexts():
        with pytest.raises(ReadOnlyError, match="chatkit migrate"):
            context.append_message(text(6))
    with pytest.raises(ReadOnlyError):
        store.create_context()
    assert snapshot(tmp_path) == before


def test_a_single_old_file_is_only_read() -> None:
    [context] = Store(next(SINGLE_FILES.glob("87e3f1b9*"))).contexts()
    with pytest.raises(ReadOnlyError, match="chatkit migrate"):
        context.append_message(Message.from_text("x"))


def test_half_a_character_survives_the_disk(store: Store) -> None:
    the_context(store).append_message(response(6, (1, "a\ud83d"), (2, "\ude00b")))
    stored = store.message(message_id(6)).streaming_response
    assert stored is not None
    assert ([chunk.delta for chunk in stored.chunks], stored.content) == (["a\ud83d", "\ude00b"], "a😀b")
    assert b"\\ud83d" in message_path(store, 6).read_bytes()
