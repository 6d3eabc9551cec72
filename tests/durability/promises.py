"""What holds of a store whatever has happened to it."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from chatkit.models import Index, Message
from chatkit.store import Store
from chatkit.store.checking import check_store
from chatkit.store.folder import ContextFolder
from chatkit.store.json_files import read_record
from chatkit.store.problems import Problems
from chatkit.store.repair import repair_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def hold_after(root: Path, *, finished: Sequence[Message] = (), cut: dict[str, list[str]] | None = None) -> Store:
    """Repair a store and hold every promise.

    Args:
        root: the store.
        finished: messages whose writer was told that they are stored; each is there, whole and equal.
        cut: the deltas of responses that may have been cut short, by id; what is there of each begins like that.
    """
    _, left = repair_store(root)
    assert left == []
    assert repair_store(root) == ([], [])
    assert not [path for path in root.rglob("*") if path.name.startswith(".chatkit-tmp-")]
    store = Store(root)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = {m.message_id: m for context in store.contexts() for m in context.messages()}
    for message in finished:
        assert stored[message.message_id] == message
    for message_id, deltas in (cut or {}).items():
        if message_id in stored:
            begins_like(stored[message_id], deltas)
    for folder in (root / "contexts").iterdir():
        is_whole(ContextFolder(folder))
    append_works(store)
    return store


def begins_like(message: Message, deltas: list[str]) -> None:
    """A response that was cut short holds the beginning of the truth, and says that it was cut."""
    response = message.streaming_response
    assert response is not None
    came = [chunk.delta for chunk in response.chunks]
    assert came == deltas[: len(came)]
    if response.finish_reason != "stop":
        assert response.finish_reason == "interrupted"
    else:
        assert came == deltas


def is_whole(folder: ContextFolder) -> None:
    """The index equals a rebuilt one, and the branches list each message exactly once."""
    problems = Problems()
    listed, messages = read_record(folder.index_path, Index).messages, folder.survey(problems)
    if all(message.position is not None for message in messages):  # another application's have none
        assert listed == folder.rebuilt_index(problems).messages
    assert list(problems) == []
    metadata = json.loads(folder.metadata_path.read_bytes())
    in_branches: Counter[str] = Counter(i for branch in metadata["branches"].values() for i in branch["message_ids"])
    assert in_branches == Counter(folder.message_ids())


def append_works(store: Store) -> None:
    """Every context takes another message, and stays whole."""
    for context in store.contexts():
        stored = context.append_message(Message.from_text("afterwards"))
        assert store.message(stored.message_id) == stored
    assert check_store(store.path) == []


def plain(path: Path) -> Any:
    """Read a file as somebody else would."""
    return json.loads(path.read_text(encoding="utf-8"))
