"""Many processes write at once: nothing is lost, nothing is there twice, and a reader sees whole files only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from chatkit.models import Message
from chatkit.store import Store
from chatkit.store.folder import ContextFolder
from tests.durability.promises import append_works, hold_after, is_whole, plain
from tests.store.trees import CONTEXT_ID, filled

if TYPE_CHECKING:
    from pathlib import Path

N_EACH = 100
WRITE = """
import sys
from chatkit.models import Message
from chatkit.store import Store
root, context_id, name, count = sys.argv[1:]
context = Store(root).context(context_id)
for number in range(int(count)):
    context.append_message(Message.from_text(f"{name} {number}"))
"""
WRITE_UNLOCKED = """
import json, os, sys
from pathlib import Path
from uuid import uuid4
folder, count = Path(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    message_id = str(uuid4())
    message = {"schema": 1, "message_id": message_id, "role": "user", "message_type": "text", "created_at": None,
               "text": {"content": f"foreign {number}"}, "app": {"own": number}}
    (folder / "messages" / f"{message_id}.json").write_text(json.dumps(message))
    for name in ("index.json", "metadata.json"):
        content = json.loads((folder / name).read_text())
        content["app_revision"] = number
        if name == "index.json":
            content["messages"].append({"message_id": message_id, "role": "user", "message_type": "text"})
        else:
            content["branches"]["main"]["message_ids"].append(message_id)
        temporary = folder / f"{name}.app-tmp"
        temporary.write_text(json.dumps(content))
        os.replace(temporary, folder / name)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


def read_while(processes: list[subprocess.Popen[bytes]], store: Store, context_id: str) -> int:
    """Read a context over and over, plainly and through the store; a file that is not whole is an error."""
    folder = store.path / "contexts" / context_id
    n_reads = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        while any(process.poll() is None for process in processes):
            plain(folder / "metadata.json")
            for entry in plain(folder / "index.json")["messages"][-3:]:
                plain(folder / "messages" / f"{entry['message_id']}.json")
            context = store.context(context_id)
            ids = context.message_ids
            assert [message.message_id for message in context.messages(-3, None)] == ids[-3:]
            n_reads += 1
    assert [process.wait() for process in processes] == [0] * len(processes)
    return n_reads


def test_eight_processes_write_to_one_context_and_to_four_others(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    shared, *others = [store.create_context().context_id for _ in range(5)]
    writers = [start(WRITE, store.path, shared, f"w{number}", N_EACH) for number in range(4)]
    writers += [start(WRITE, store.path, other, "w", N_EACH) for other in others]
    assert read_while(writers, store, shared) > 5

    said = [message.content for message in store.context(shared).messages()]
    assert sorted(said) == sorted(f"w{number} {n}" for number in range(4) for n in range(N_EACH))
    for number in range(4):  # each writer's own messages are in the order in which it wrote them
        assert [text for text in said if text.startswith(f"w{number} ")] == [f"w{number} {n}" for n in range(N_EACH)]
    for other in others:
        assert [message.content for message in store.context(other).messages()] == [f"w {n}" for n in range(N_EACH)]
    for context in store.contexts():
        is_whole(context.folder())
        assert [message.position for message in context.messages()] == list(range(len(context.message_ids)))
    append_works(store)


def test_beside_a_writer_that_knows_no_locks_no_message_is_lost(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    folder = ContextFolder(store.path / "contexts" / CONTEXT_ID)
    before = store.context(CONTEXT_ID).messages()
    writers = [start(WRITE, store.path, CONTEXT_ID, "ours", 60), start(WRITE_UNLOCKED, folder.path, 300)]
    assert [writer.wait() for writer in writers] == [0, 0]

    hold_after(store.path, finished=before)
    said = [message.content for message in store.context(CONTEXT_ID).messages()]
    assert sorted(said) == sorted(
        [m.content for m in before]
        + [f"ours {n}" for n in range(60)]
        + [f"foreign {n}" for n in range(300)]
        + ["afterwards"]
    )
    assert [text for text in said if text.startswith("ours")] == [f"ours {n}" for n in range(60)]
    for name in ("index.json", "metadata.json"):
        assert "app_revision" in plain(folder.path / name)


@pytest.mark.parametrize("name", ["index.json", "metadata.json"])
def test_a_change_by_somebody_who_knows_no_locks_is_kept_up_to_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    store = filled(tmp_path / "store")
    path = store.path / "contexts" / CONTEXT_ID / name
    fsync = os.fsync
    is_written: list[bool] = []

    def change_meanwhile(handle: int) -> None:
        fsync(handle)
        if not is_written and is_writing(path, handle):
            is_written.append(True)
            path.write_text(json.dumps(plain(path) | {"theirs": 1}), encoding="utf-8")

    monkeypatch.setattr(os, "fsync", change_meanwhile)
    message = store.context(CONTEXT_ID).append_message(Message.from_text("ours"))
    monkeypatch.undo()
    assert is_written
    assert plain(path)["theirs"] == 1
    assert message.message_id in path.read_text(encoding="utf-8")


def is_writing(path: Path, handle: int) -> bool:
    """Whether the file behind a handle is to replace this path: it holds the path's own keys."""
    key = {"index.json": b'{"messages":', "metadata.json": b'{"context_id":'}[path.name]
    temporary = [left for left in path.parent.glob(".chatkit-tmp-*") if os.path.samestat(left.stat(), os.fstat(handle))]
    return any(left.read_bytes().startswith(key) for left in temporary)


def test_a_file_that_is_never_left_alone_is_reported_as_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path / "store")
    path = store.path / "contexts" / CONTEXT_ID / "index.json"
    replaced: list[Path] = []
    fsync = os.fsync

    def change_always(handle: int) -> None:
        fsync(handle)
        path.write_text(json.dumps(plain(path) | {"theirs": str(uuid4())}), encoding="utf-8")
        replaced.append(path)

    monkeypatch.setattr(os, "fsync", change_always)
    with pytest.raises(TimeoutError, match=r"index\.json: somebody else writes it all the time"):
        store.context(CONTEXT_ID).append_message(Message.from_text("ours"))
    monkeypatch.undo()
    assert list(store.path.rglob(".chatkit-tmp-*")) == []
    hold_after(store.path)
