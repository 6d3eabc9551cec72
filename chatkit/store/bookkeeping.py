"""Index and metadata of a context: what is changed there when a message comes or goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models import Branch, IndexEntry
from chatkit.models.context import MAIN
from chatkit.models.states import AWAITING
from chatkit.store.atomic import put_in_place, write_aside, write_atomically
from chatkit.store.folder import index_entry
from chatkit.store.json_files import dump, parse_json
from chatkit.store.large_message import parts_of
from chatkit.store.locks import is_journal_held
from chatkit.store.splice import Object, change_file, lengthened, raw, read_array, read_object, read_parts
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chatkit.models import Message, Response
    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder
    from chatkit.store.large_message import LargePieces


def store_message(
    folder: ContextFolder, message: Message, *, state: State | None = None, at: datetime | None = None
) -> None:
    """Write a message whose place is known: its file, then the index, then the metadata."""
    data = dump(message)
    write_atomically(folder.message_file(message.message_id), data)
    _list_message(folder, message, index_entry(message, len(data)), state, at)


def write_large_message(folder: ContextFolder, message: Message, response: Response, pieces: LargePieces) -> None:
    """Write the file of a response without text or chunks as one that has these, beside its place.

    It is named after its message, so that nobody takes it for the rest of a killed writer while its journal is held.
    """
    write_aside(folder.file_aside(message.message_id), parts_of(message, response, pieces))


def store_large_message(
    folder: ContextFolder, message: Message, n_chunks: int, *, state: State, at: datetime | None
) -> None:
    """Put the file of a message that was written beside its place there, then into the index, then the metadata."""
    path = folder.message_file(message.message_id)
    put_in_place(folder.file_aside(message.message_id), path)
    entry = index_entry(message, path.stat().st_size).model_copy(update={"chunks": n_chunks})
    _list_message(folder, message, entry, state, at)


def _list_message(
    folder: ContextFolder, message: Message, entry: IndexEntry, state: State | None, at: datetime | None
) -> None:
    put_entries(folder, {message.message_id: dump(entry)})
    put_metadata(folder, ids=[message.message_id], branch=message.branch, state=state, at=at)


def put_entries(folder: ContextFolder, entries: dict[str, bytes]) -> None:
    """Put references into the index: in the place of those of the same message, or at the end."""

    def put(content: Object) -> bool:
        places = {
            message_id: place
            for place, message_id in enumerate(ids_in(content, folder.index_path))
            if message_id in entries
        }
        if places:
            listed = read_array(content["messages"], folder.index_path)
            for message_id, place in places.items():
                listed[place] = with_unknown_keys(entries[message_id], listed[place], folder.index_path)
            content["messages"] = raw(listed)
        new = [data for message_id, data in entries.items() if message_id not in places]
        content["messages"] = lengthened(content["messages"], new)
        return True

    change_file(folder.index_path, put)


_ENTRY_KEYS = {field.alias or name for name, field in IndexEntry.model_fields.items()}


def with_unknown_keys(data: bytes, before: msgspec.Raw, path: Path) -> msgspec.Raw:
    """Return an index entry with the keys of the one before it that are not ours."""
    kept = {key: value for key, value in read_object(before, path).items() if key not in _ENTRY_KEYS}
    return raw({**read_object(data, path), **kept}) if kept else msgspec.Raw(data.strip())


def put_metadata(
    folder: ContextFolder,
    *,
    ids: Sequence[str] = (),
    branch: str | None = None,
    state: State | None = None,
    at: datetime | None = None,
) -> None:
    """Add messages to a branch, as far as it lacks them, and set the state and the time of change.

    A branch that is gone is made again: its messages are there.
    """
    moment = raw(format_stamp(at or datetime.now(UTC)))

    def put(content: Object) -> bool:
        if branch is not None:
            branches = branches_in(content, folder)
            own = read_object(branches.setdefault(branch, raw(Branch(name=branch).to_dict())), folder.metadata_path)
            known = _ids_of_branch(own, folder)
            new = set(ids).difference(known)
            own["message_ids"] = raw([*known, *(message_id for message_id in ids if message_id in new)])
            branches[branch] = raw(own)
            content["branches"] = raw(branches)
        if state is not None:
            content["current_state"] = raw(state)
        content["updated_at"] = moment
        return True

    change_file(folder.metadata_path, put)


def state_beside(folder: ContextFolder, message_id: str, state: State) -> State:
    """Return the context's state when a response ends in this one: where another is in flight, that one counts."""
    others = (other for other in folder.journal_ids() if other != message_id)
    return AWAITING if any(is_journal_held(folder.path, other) for other in others) else state


class _Listed(msgspec.Struct, gc=False):  # ten thousand at a time
    message_id: str


_LISTED = msgspec.json.Decoder(list[_Listed])
_IDS = msgspec.json.Decoder(list[str])


def listed_ids(folder: ContextFolder) -> list[str]:
    """Return the ids that the index lists, in order.

    Raises:
        FileNotFoundError: there is no index.
        CorruptFileError: it is no index.
    """
    return ids_in(read_parts(folder.index_path), folder.index_path)


def ids_in(index: Object, path: Path) -> list[str]:
    """Return the ids that an index lists, in order.

    Raises:
        CorruptFileError: it is no index.
    """
    messages = index.get("messages", msgspec.Raw(b"null"))
    try:
        return [entry.message_id for entry in _LISTED.decode(messages)]
    except msgspec.DecodeError:
        pass  # half a character somewhere, which the fast decoder refuses; or it is no index
    try:
        return [_text(entry["message_id"]) for entry in parse_json(bytes(messages), path)]
    except (KeyError, TypeError) as error:
        raise CorruptFileError(str(path), "messages", f"not an index: {error}") from error


def branches_in(metadata: Object, folder: ContextFolder) -> Object:
    """Return the branches of a context; one without any has an empty main one, as for readers."""
    if "branches" in metadata:
        return read_object(metadata["branches"], folder.metadata_path)
    return {MAIN: raw(Branch(name=MAIN).to_dict())}


def branch_ids(metadata: Object, name: str, folder: ContextFolder) -> list[str]:
    """Return the ids of a branch.

    Raises:
        NotFoundError: there is no such branch.
        CorruptFileError: it is no branch.
    """
    branches = branches_in(metadata, folder)
    if name not in branches:
        raise NotFoundError(f"no branch {name!r} in context {folder.context_id}: it has {', '.join(branches)}")
    return _ids_of_branch(read_object(branches[name], folder.metadata_path), folder)


def active_branch(metadata: Object, folder: ContextFolder) -> str:
    """Return the name of the branch in use.

    Raises:
        CorruptFileError: it is no text.
    """
    if "active_branch_name" not in metadata:
        return MAIN
    name = parse_json(bytes(metadata["active_branch_name"]), folder.metadata_path)
    if not isinstance(name, str):
        raise CorruptFileError(str(folder.metadata_path), "active_branch_name", "not a text")
    return name


def _ids_of_branch(branch: Object, folder: ContextFolder) -> list[str]:
    try:
        return _IDS.decode(branch.get("message_ids", b"[]"))
    except msgspec.DecodeError as error:
        raise CorruptFileError(str(folder.metadata_path), "branches", f"not a list of ids: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not an id: {value!r}")
    return value
