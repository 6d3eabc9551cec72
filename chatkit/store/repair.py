"""Putting right what a crash has left half-done. Whatever can't be put right is left as it is, and named."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from pydantic import ValidationError

from chatkit.errors import CorruptFileError, StoreBusyError
from chatkit.models import Branch, ContextMetadata, Index, IndexEntry
from chatkit.models.context import MAIN
from chatkit.store.atomic import TEMPORARY_PREFIX, write_atomically
from chatkit.store.checking import (
    UNFINISHED_STATES,
    Finding,
    check_store,
    context_folders,
    mended_entries,
    unlisted,
)
from chatkit.store.json_files import dump, parse_json, read_record, validate
from chatkit.store.known import last_state, metadata_told
from chatkit.store.locate import CONTEXTS
from chatkit.store.locks import context_lock
from chatkit.store.problems import Problems
from chatkit.store.recovery import heal_index, recover
from chatkit.store.remote import check_is_local
from chatkit.store.splice import Object, change_file, raw, read_array, read_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder
    from chatkit.store.known import Known

DAMAGED_METADATA = "metadata.damaged.json"


def repair_store(root: Path) -> tuple[list[Finding], list[Finding]]:
    """Mend what can be mended. A response that is being recorded is left alone, as everywhere.

    Returns:
        What was mended, and what is left.
    """
    check_is_local(root)
    before = check_store(root)
    _sweep(root)
    _sweep_begun(root / CONTEXTS)
    to_mend = {finding.context_id for finding in before if finding.remedy}
    for folder in context_folders(root):
        if folder.context_id in to_mend:
            with context_lock(folder.path):
                _repair_folder(folder)
    left = check_store(root)
    return [finding for finding in before if finding.remedy and finding not in left], left


def _repair_folder(folder: ContextFolder) -> None:
    folder.messages_path.mkdir(exist_ok=True)
    _sweep(folder.path)
    _sweep(folder.messages_path, folder.left_over)
    _make_metadata(folder)
    heal_index(folder)
    recover(folder)
    messages = folder.survey(Problems())
    _order_index(folder, messages)
    _mend_metadata(folder, messages)


def _sweep(path: Path, is_left: Callable[[str], bool] = lambda _: True) -> None:
    """Remove what our own writes have left; files of others, and what is being written, are let be."""
    for left in path.glob(f"{TEMPORARY_PREFIX}*"):
        if not is_left(left.name):
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            os.unlink(left)


def _sweep_begun(contexts: Path) -> None:
    """Remove contexts whose creation was cut short; one that is being created is held, and let be."""
    for left in contexts.glob(f"{TEMPORARY_PREFIX}*"):
        final = contexts / left.name.removeprefix(TEMPORARY_PREFIX)
        with suppress(StoreBusyError), context_lock(final, timeout_s=0):
            shutil.rmtree(left, ignore_errors=True)  # it may have been finished since


def _make_metadata(folder: ContextFolder) -> None:
    """Write metadata where there is none that can be read; damaged ones are kept under another name."""
    try:
        read_record(folder.metadata_path, ContextMetadata)
    except FileNotFoundError:
        pass
    except CorruptFileError:
        os.replace(folder.metadata_path, _unused(folder.path / DAMAGED_METADATA))
    else:
        return
    messages = folder.survey(Problems())
    metadata = metadata_told(folder.context_id, messages, in_flight=bool(folder.journal_ids()))
    write_atomically(folder.metadata_path, dump(metadata))


def _unused(path: Path) -> Path:
    """Return the path, numbered where it is taken: what was kept once is kept."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}.{number}{path.suffix}")
    return free


def _order_index(folder: ContextFolder, messages: list[Known]) -> None:
    """Bring the index in line with the messages; keys that are not ours stay."""

    def put(content: Object) -> bool:
        listed = read_array(content["messages"], folder.index_path)
        before = [IndexEntry.model_validate_json(bytes(entry)) for entry in listed]
        right = mended_entries(folder, before, messages)
        content["messages"] = raw([msgspec.Raw(dump(entry).strip()) for entry in right])
        return right != before

    try:
        change_file(folder.index_path, put)
    except (CorruptFileError, ValidationError):
        write_atomically(folder.index_path, dump(Index(messages=tuple(message.entry for message in messages))))


def _mend_metadata(folder: ContextFolder, messages: list[Known]) -> None:
    """Set the id, fill the branches and settle the state, as far as they need it; all else stays as it is."""

    def put(content: Object) -> bool:
        path = folder.metadata_path
        metadata = validate(parse_json(bytes(raw(content)), path), ContextMetadata, path)
        changed = metadata.model_copy(
            update={
                "context_id": folder.context_id,
                "branches": _filled(metadata, messages),
                "current_state": _settled(folder, metadata.current_state, messages),
            }
        )
        content |= read_object(dump(changed), path)
        return changed != metadata

    change_file(folder.metadata_path, put)


def _filled(metadata: ContextMetadata, messages: list[Known]) -> dict[str, Branch]:
    """Add each message to its branch where that lacks it, behind the last one of an earlier position."""
    places = {message.message_id: place for place, message in enumerate(messages)}
    branches = dict(metadata.branches)
    for message in unlisted(metadata, messages):
        name = message.branch or MAIN
        branch = branches.get(name, Branch(name=name))
        ids = _with(branch.message_ids, message.message_id, places)
        branches[name] = branch.model_copy(update={"message_ids": ids})
    return branches


def _with(ids: tuple[str, ...], message_id: str, places: dict[str, int]) -> tuple[str, ...]:
    own = places[message_id]
    place = next((i for i, other in enumerate(ids) if places.get(other, -1) > own), len(ids))
    return (*ids[:place], message_id, *ids[place:])


def _settled(folder: ContextFolder, state: State, messages: list[Known]) -> State:
    return last_state(messages) if state in UNFINISHED_STATES and not folder.journal_ids() else state
