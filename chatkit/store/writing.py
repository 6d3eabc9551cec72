"""Writing into a context: message file first, then index, then metadata, each of them whole or not there."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models import Index
from chatkit.store.atomic import TEMPORARY_PREFIX, sync_folder, write_atomically
from chatkit.store.bookkeeping import active_branch, branch_ids, listed_ids, put_entries, put_metadata
from chatkit.store.folder import ContextFolder, index_entry
from chatkit.store.json_files import dump
from chatkit.store.locks import context_lock
from chatkit.store.recovery import heal_index, recover
from chatkit.store.splice import read_parts

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
    with context_lock(final.path):
        if final.path.exists():
            raise FileExistsError(f"{final.path}: there is a context of this id")
        temporary = ContextFolder(contexts / f"{TEMPORARY_PREFIX}{metadata.context_id}")
        try:
            _fill(temporary, metadata)
            os.replace(temporary.path, final.path)
        except BaseException:
            shutil.rmtree(temporary.path, ignore_errors=True)
            raise
        sync_folder(contexts)
    return final


def _fill(temporary: ContextFolder, metadata: ContextMetadata) -> None:
    """Make the files of an empty context; whatever a creation that was cut short has left there goes first."""
    shutil.rmtree(temporary.path, ignore_errors=True)
    temporary.messages_path.mkdir(parents=True)
    write_atomically(temporary.index_path, dump(Index()))
    write_atomically(temporary.metadata_path, dump(metadata))


@contextmanager
def writing(folder: ContextFolder) -> Iterator[None]:
    """Hold the context's lock; the first time, responses whose recorder has died are brought to an end.

    Raises:
        NotFoundError: the context was deleted meanwhile.
        StoreBusyError: another writer holds it.
    """
    with context_lock(folder.path):
        if not folder.path.is_dir():
            raise NotFoundError(f"context {folder.context_id} is gone from {folder.path.parent}: it was deleted")
        if not folder.is_recovered:
            heal_index(folder)
            recover(folder)
            folder.is_recovered = True
        yield


def next_place(folder: ContextFolder, branch: str | None, listed: Sequence[str]) -> Place:
    """Return where the next message goes; call it with the lock held, and with the ids that the index lists.

    Raises:
        NotFoundError: there is no such branch.
        CorruptFileError: metadata can't be read.
    """
    metadata = read_parts(folder.metadata_path)
    name = branch or active_branch(metadata, folder)
    ids = branch_ids(metadata, name, folder)
    return Place(name, ids[-1] if ids else None, _next_position(folder, listed))


class _Positioned(msgspec.Struct):
    position: int | None = None


_POSITIONED = msgspec.json.Decoder(_Positioned)


def _next_position(folder: ContextFolder, listed: Sequence[str]) -> int:
    """One past the last message; where files are gone that is more than the number of those listed."""
    position = _position_of(folder, listed[-1]) if listed else None
    return len(listed) if position is None else max(len(listed), position + 1)


def _position_of(folder: ContextFolder, message_id: str) -> int | None:
    for path in (folder.message_file(message_id), folder.journal_file(message_id)):
        with suppress(FileNotFoundError, msgspec.DecodeError):
            data = path.read_bytes()
            return _POSITIONED.decode(data if path.suffix == ".json" else data.partition(b"\n")[0]).position
    return None


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
        listed = listed_ids(folder)
        place = next_place(folder, branch, listed)
        placed = _placed(folder, messages, place)
        sizes = _write_files(folder, placed, set(listed))
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


def _write_files(folder: ContextFolder, messages: Sequence[Message], known: set[str]) -> list[int]:
    """Write message files, none over one of those known, and return their sizes in bytes."""
    sizes = []
    for message in messages:
        path = folder.message_file(message.message_id)
        if message.message_id in known or not _is_free(folder, message):
            raise CorruptFileError(str(path), "", "there is a message of this id; nothing was written over it")
        data = dump(message)
        write_atomically(path, data)
        known.add(message.message_id)
        sizes.append(len(data))
    return sizes


def _is_free(folder: ContextFolder, message: Message) -> bool:
    """Whether a message may be written: a file that says the same is what an append left that was cut short.

    Its place may be another by now, if somebody else has written since.
    """
    if folder.journal_file(message.message_id).exists():
        return False
    try:
        there = folder.finished_message(message.message_id)
    except FileNotFoundError:
        return True
    except CorruptFileError:
        return False
    place = {"position": message.position, "branch": message.branch, "parent_id": message.parent_id}
    return there.model_copy(update=place) == message
