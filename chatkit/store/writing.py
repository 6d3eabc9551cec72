"""Writing into a context: message file first, then index, then metadata, each of them whole or not there."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chatkit.errors import CorruptFileError
from chatkit.models import Index
from chatkit.store.atomic import TEMPORARY_PREFIX, sync_folder, write_atomically
from chatkit.store.bookkeeping import branch_ids, listed_ids, put_entries, put_metadata
from chatkit.store.folder import ContextFolder, index_entry
from chatkit.store.json_files import dump
from chatkit.store.locks import context_lock
from chatkit.store.recovery import heal_index, recover
from chatkit.store.splice import read_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from chatkit.models import ContextMetadata, Message
    from chatkit.models.context import State


class Place(NamedTuple):
    """Where the next message of a branch goes."""

    branch: str
    parent_id: str | None
    position: int


def create_folder(contexts: Path, metadata: ContextMetadata) -> ContextFolder:
    """Make the folder of a new context: under another name first, so that it is whole when it is there.

    Raises:
        FileExistsError: there is one of this id.
    """
    contexts.mkdir(exist_ok=True)
    final = ContextFolder(contexts / metadata.context_id)
    if final.path.exists():
        raise FileExistsError(f"{final.path}: there is a context of this id")
    temporary = ContextFolder(contexts / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}")
    temporary.messages_path.mkdir(parents=True)
    write_atomically(temporary.index_path, dump(Index()))
    write_atomically(temporary.metadata_path, dump(metadata))
    os.replace(temporary.path, final.path)
    sync_folder(contexts)
    return final


@contextmanager
def writing(folder: ContextFolder) -> Iterator[None]:
    """Hold the context's lock; the first time, responses whose recorder has died are brought to an end."""
    with context_lock(folder.path):
        if not folder.is_recovered:
            heal_index(folder)
            recover(folder)
            folder.is_recovered = True
        yield


def next_place(folder: ContextFolder, branch: str | None) -> Place:
    """Return where the next message goes; call it with the lock held.

    Raises:
        NotFoundError: there is no such branch.
        CorruptFileError: index or metadata can't be read.
    """
    metadata = read_object(folder.metadata_path.read_bytes(), folder.metadata_path)
    name = branch or msgspec.json.decode(metadata["active_branch_name"], type=str)
    ids = branch_ids(metadata, name, folder)
    return Place(name, ids[-1] if ids else None, len(listed_ids(folder)))


def append(
    folder: ContextFolder,
    messages: Sequence[Message],
    *,
    branch: str | None,
    at: datetime | None,
    state: State | None = None,
) -> list[Message]:
    """Add messages to the end of a branch: their files, then the index, then the metadata.

    Raises:
        NotFoundError: there is no such branch.
        CorruptFileError: index or metadata can't be read, or a message of this id is there.
        StoreBusyError: another writer holds the context.
    """
    with writing(folder):
        place = next_place(folder, branch)
        placed = _placed(folder, messages, place)
        sizes = _write_files(folder, placed)
        entries = [index_entry(message, size) for message, size in zip(placed, sizes, strict=True)]
        put_entries(folder, {entry.message_id: dump(entry) for entry in entries})
        put_metadata(folder, ids=[message.message_id for message in placed], branch=place.branch, at=at, state=state)
    return placed


def _placed(folder: ContextFolder, messages: Sequence[Message], place: Place) -> list[Message]:
    """Say of each message where it stands; each follows the one before."""
    placed: list[Message] = []
    parent_id = place.parent_id
    for position, message in enumerate(messages, start=place.position):
        where = {
            "context_id": folder.context_id,
            "branch": place.branch,
            "position": position,
            "parent_id": message.parent_id or parent_id,
        }
        placed.append(message.model_copy(update=where))
        parent_id = message.message_id
    return placed


def _write_files(folder: ContextFolder, messages: Sequence[Message]) -> list[int]:
    """Write message files and return their sizes in bytes."""
    known = set(listed_ids(folder))
    sizes = []
    for message in messages:
        path = folder.message_file(message.message_id)
        data = dump(message)
        # A file that no index lists and that says the same is what an append left that was cut short: go on with it.
        if message.message_id in known or (path.exists() and path.read_bytes() != data):
            raise CorruptFileError(str(path), "", "there is a message of this id; nothing was written over it")
        write_atomically(path, data)
        known.add(message.message_id)
        sizes.append(len(data))
    return sizes
