"""Putting right what a crash has left half-done. Whatever can't be put right is left as it is, and named."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.models import Branch, ContextMetadata, Index
from chatkit.models.context import MAIN
from chatkit.models.states import IDLE, state_after
from chatkit.store.atomic import TEMPORARY_PREFIX, write_atomically
from chatkit.store.bookkeeping import put_metadata
from chatkit.store.checking import (
    UNFINISHED_STATES,
    Finding,
    check_folder,
    check_store,
    context_folders,
    readable_messages,
    unlisted,
)
from chatkit.store.json_files import dump, read_record
from chatkit.store.locate import CONTEXTS
from chatkit.store.locks import context_lock
from chatkit.store.problems import Problems
from chatkit.store.recovery import recover

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import Message
    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder

DAMAGED_METADATA = "metadata.damaged.json"


def repair_store(root: Path) -> tuple[list[Finding], list[Finding]]:
    """Mend what can be mended. A response that is being recorded is left alone, as everywhere.

    Returns:
        What was mended, and what is left.
    """
    before = check_store(root)
    _sweep(root)
    _sweep(root / CONTEXTS)
    for folder in context_folders(root):
        if check_folder(folder):
            with context_lock(folder.path):
                _repair_folder(folder)
    left = check_store(root)
    return [finding for finding in before if finding.remedy and finding not in left], left


def _repair_folder(folder: ContextFolder) -> None:
    folder.messages_path.mkdir(exist_ok=True)
    _sweep(folder.path)
    _sweep(folder.messages_path)
    _make_metadata(folder)
    _make_index(folder)
    recover(folder)
    _make_index(folder)
    _fill_branches(folder)
    _settle_state(folder)


def _sweep(path: Path) -> None:
    """Remove what our own writes have left; files of others are let be."""
    for left in path.glob(f"{TEMPORARY_PREFIX}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            os.unlink(left)


def _make_metadata(folder: ContextFolder) -> None:
    """Write metadata where there is none that can be read; damaged ones are kept under another name."""
    try:
        read_record(folder.metadata_path, ContextMetadata)
    except FileNotFoundError:
        pass
    except CorruptFileError:
        os.replace(folder.metadata_path, folder.path / DAMAGED_METADATA)
    else:
        return
    messages = readable_messages(folder)
    branches = {MAIN: Branch(name=MAIN)} | {m.branch: Branch(name=m.branch) for m in messages if m.branch is not None}
    moments = [message.created_at for message in messages if message.created_at is not None]
    metadata = ContextMetadata(
        context_id=folder.context_id,
        branches=branches,
        created_at=min(moments, default=None),
        updated_at=max(moments, default=None),
    )
    write_atomically(folder.metadata_path, dump(metadata))


def _make_index(folder: ContextFolder) -> None:
    rebuilt = folder.rebuilt_index(Problems())
    try:
        if read_record(folder.index_path, Index) == rebuilt:
            return
    except (FileNotFoundError, CorruptFileError):
        pass
    write_atomically(folder.index_path, dump(rebuilt))


def _fill_branches(folder: ContextFolder) -> None:
    """Add each message to its branch where that lacks it, behind the last one of an earlier position."""
    metadata = read_record(folder.metadata_path, ContextMetadata)
    messages = readable_messages(folder)
    missing = unlisted(metadata, messages)
    if not missing:
        return
    positions = {message.message_id: message.position or 0 for message in messages}
    branches = dict(metadata.branches)
    for message in missing:
        name = message.branch or MAIN
        branch = branches.get(name, Branch(name=name))
        branches[name] = branch.model_copy(update={"message_ids": _with(branch.message_ids, message, positions)})
    write_atomically(folder.metadata_path, dump(metadata.model_copy(update={"branches": branches})))


def _with(ids: tuple[str, ...], message: Message, positions: dict[str, int]) -> tuple[str, ...]:
    own = positions[message.message_id]
    place = next((i for i, other in enumerate(ids) if positions.get(other, -1) > own), len(ids))
    return (*ids[:place], message.message_id, *ids[place:])


def _settle_state(folder: ContextFolder) -> None:
    metadata = read_record(folder.metadata_path, ContextMetadata)
    if metadata.current_state in UNFINISHED_STATES and not folder.journal_ids():
        put_metadata(folder, state=_last_state(folder), at=metadata.updated_at)


def _last_state(folder: ContextFolder) -> State:
    for message in reversed(readable_messages(folder)):
        if message.streaming_response is not None:
            return state_after(message.streaming_response)
    return IDLE
