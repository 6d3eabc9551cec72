"""After a crash: responses whose recorder has died are brought to an end, and nothing of them is lost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from filelock import Timeout

from chatkit.errors import CorruptFileError
from chatkit.models.states import state_after
from chatkit.store.arrived import Arrived
from chatkit.store.atomic import remove, write_atomically
from chatkit.store.bookkeeping import (
    listed_ids,
    put_entries,
    put_metadata,
    state_beside,
    store_large_message,
    write_large_message,
)
from chatkit.store.folder import index_entry
from chatkit.store.journal_reading import is_without_header, look_through, pieces_in
from chatkit.store.json_files import dump
from chatkit.store.large_message import LargePieces
from chatkit.store.locks import forget_journal_lock, journal_lock
from chatkit.store.problems import Problems
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from chatkit.store.folder import ContextFolder


def heal_index(folder: ContextFolder) -> None:
    """Write the index anew where it is missing or damaged: it follows from the message files."""
    try:
        listed_ids(folder)
    except (FileNotFoundError, CorruptFileError):
        write_atomically(folder.index_path, dump(folder.rebuilt_index(Problems())))


def recover(folder: ContextFolder) -> list[str]:
    """End every response of a context whose journal nobody holds; call it with the context's lock held.

    Returns:
        The ids of the messages that were brought to an end.
    """
    return [message_id for message_id in folder.journal_ids() if _recover_one(folder, message_id)]


def _recover_one(folder: ContextFolder, message_id: str) -> bool:
    lock = journal_lock(folder.path, message_id)
    try:
        lock.acquire()
    except Timeout:
        return False  # its recorder lives
    try:
        if not folder.journal_file(message_id).exists():
            return False  # its recorder has ended it meanwhile
        if not _finish(folder, message_id):
            return False
        remove(folder.journal_file(message_id))
    finally:
        if folder.journal_file(message_id).exists():
            lock.release(force=True)
        else:
            forget_journal_lock(lock)
    return True


def _finish(folder: ContextFolder, message_id: str) -> bool:
    """Store what the journal says, or finish what was begun after it; False where the journal can't be read."""
    try:
        message = folder.finished_message(message_id)
        size_bytes = folder.message_file(message_id).stat().st_size
    except FileNotFoundError:
        return _store_interrupted(folder, message_id)
    except CorruptFileError:
        return False
    put_entries(folder, {message_id: dump(index_entry(message, size_bytes))})
    if message.streaming_response is not None:
        state = state_beside(folder, message_id, state_after(message.streaming_response))
        put_metadata(folder, ids=[message_id], branch=message.branch, state=state)
    return True


def _store_interrupted(folder: ContextFolder, message_id: str) -> bool:
    """Store what had come; it may be too much for the memory, so its file is written in parts."""
    path, arrived = folder.journal_file(message_id), Arrived(most_chars=0)
    try:
        content = look_through(path, arrived.add)
    except CorruptFileError:
        return is_without_header(path)
    message, response = content.so_far(finish_reason="interrupted")
    pieces = LargePieces(arrived.n_pieces, arrived.mean_gap_ms(), partial(pieces_in, path))
    write_large_message(folder, message, response, pieces)
    last = from_us(arrived.last_us) if arrived.n_pieces else None
    state = state_beside(folder, message_id, state_after(response, last))
    store_large_message(folder, message, pieces.n_pieces, state=state, at=None)
    return True
