"""Index and metadata of a context: what is changed there when a message comes or goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.store.atomic import write_atomically
from chatkit.store.folder import index_entry
from chatkit.store.json_files import dump
from chatkit.store.splice import Object, change_file, raw, read_array, read_object
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.models import Message
    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder


def store_message(
    folder: ContextFolder, message: Message, *, state: State | None = None, at: datetime | None = None
) -> None:
    """Write a message whose place is known: its file, then the index, then the metadata."""
    data = dump(message)
    write_atomically(folder.message_file(message.message_id), data)
    put_entries(folder, {message.message_id: dump(index_entry(message, len(data)))})
    put_metadata(folder, ids=[message.message_id], branch=message.branch, state=state, at=at)


def put_entries(folder: ContextFolder, entries: dict[str, bytes]) -> None:
    """Put references into the index: in the place of those of the same message, or at the end."""

    def put(content: Object) -> bool:
        listed = read_array(content["messages"], folder.index_path)
        ids = _ids_of(content["messages"])
        for message_id, data in entries.items():
            entry = msgspec.Raw(data.strip())
            if message_id in ids:
                listed[ids.index(message_id)] = entry
            else:
                listed.append(entry)
        content["messages"] = raw(listed)
        return True

    change_file(folder.index_path, put)


def put_metadata(
    folder: ContextFolder,
    *,
    ids: Sequence[str] = (),
    branch: str | None = None,
    state: State | None = None,
    at: datetime | None = None,
) -> None:
    """Add messages to a branch, as far as it lacks them, and set the state and the time of change."""
    moment = raw(format_stamp(at or datetime.now(UTC)))

    def put(content: Object) -> bool:
        if branch is not None:
            branches = read_object(content["branches"], folder.metadata_path)
            known = branch_ids(content, branch, folder)
            own = read_object(branches[branch], folder.metadata_path)
            own["message_ids"] = raw([*known, *(message_id for message_id in ids if message_id not in set(known))])
            branches[branch] = raw(own)
            content["branches"] = raw(branches)
        if state is not None:
            content["current_state"] = raw(state)
        content["updated_at"] = moment
        return True

    change_file(folder.metadata_path, put)


class _Listed(msgspec.Struct):
    message_id: str


_LISTED = msgspec.json.Decoder(list[_Listed])


def listed_ids(folder: ContextFolder) -> list[str]:
    """Return the ids that the index lists, in order.

    Raises:
        FileNotFoundError: there is no index.
        CorruptFileError: it is no index.
    """
    content = read_object(folder.index_path.read_bytes(), folder.index_path)
    try:
        return _ids_of(content["messages"])
    except (KeyError, msgspec.DecodeError) as error:
        raise CorruptFileError(str(folder.index_path), "messages", f"not an index: {error}") from error


def _ids_of(messages: msgspec.Raw) -> list[str]:
    return [entry.message_id for entry in _LISTED.decode(messages)]


def branch_ids(metadata: Object, name: str, folder: ContextFolder) -> list[str]:
    """Return the ids of a branch.

    Raises:
        NotFoundError: there is no such branch.
    """
    branches = read_object(metadata["branches"], folder.metadata_path)
    if name not in branches:
        raise NotFoundError(f"no branch {name!r} in context {folder.context_id}: it has {', '.join(branches)}")
    own = read_object(branches[name], folder.metadata_path)
    ids: list[str] = msgspec.json.decode(own["message_ids"], type=list[str])
    return ids
