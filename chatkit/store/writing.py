"""Writing into a context: message file first, then index, then metadata, each of them whole or not there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models import ContextMetadata, Index
from chatkit.store.atomic import sync_folder, write_atomically
from chatkit.store.folder import ContextFolder, index_entry
from chatkit.store.json_files import dump, read_record
from chatkit.store.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chatkit.models import IndexEntry, Message


def create_folder(contexts: Path, metadata: ContextMetadata) -> ContextFolder:
    """Make the folder of a new context.

    Raises:
        FileExistsError: there is one of this id.
    """
    folder = ContextFolder(contexts / metadata.context_id)
    contexts.mkdir(exist_ok=True)
    folder.path.mkdir()
    folder.messages_path.mkdir()
    write_atomically(folder.index_path, dump(Index()))
    write_atomically(folder.metadata_path, dump(metadata))
    sync_folder(contexts)
    return folder


def append(
    folder: ContextFolder, messages: Sequence[Message], *, branch: str | None, at: datetime | None
) -> list[Message]:
    """Add messages to the end of a branch: their files, then the index, then the metadata.

    Raises:
        NotFoundError: there is no such branch.
        CorruptFileError: index or metadata can't be read, or a message of this id is there.
    """
    metadata = read_record(folder.metadata_path, ContextMetadata)
    index = folder.index(Problems(strict=True))
    name = branch or metadata.active_branch_name
    if name not in metadata.branches:
        raise NotFoundError(f"no branch {name!r} in context {folder.context_id}")
    ids = metadata.branches[name].message_ids
    stored, entries = _write_messages(folder, messages, name, ids[-1] if ids else None, index)
    write_atomically(folder.index_path, dump(index.model_copy(update={"messages": (*index.messages, *entries)})))
    longer = metadata.branches[name].model_copy(
        update={"message_ids": (*ids, *(message.message_id for message in stored))}
    )
    changes = {"branches": metadata.branches | {name: longer}, "updated_at": at or datetime.now(UTC)}
    write_atomically(folder.metadata_path, dump(metadata.model_copy(update=changes)))
    return stored


def _write_messages(
    folder: ContextFolder, messages: Sequence[Message], branch: str, last_id: str | None, index: Index
) -> tuple[list[Message], list[IndexEntry]]:
    stored, entries = [], []
    listed = {entry.message_id for entry in index.messages}
    for position, message in enumerate(messages, start=len(index.messages)):
        path = folder.message_file(message.message_id)
        placed = message.model_copy(
            update={
                "context_id": folder.context_id,
                "branch": branch,
                "position": position,
                "parent_id": message.parent_id or last_id,
            }
        )
        data = dump(placed)
        # A file that no index lists and that says the same is what an append left that was cut short: go on with it.
        if message.message_id in listed or (path.exists() and path.read_bytes() != data):
            raise CorruptFileError(str(path), "", "there is a message of this id; nothing was written over it")
        write_atomically(path, data)
        stored.append(placed)
        entries.append(index_entry(placed, len(data)))
        listed.add(placed.message_id)
        last_id = placed.message_id
    return stored, entries
