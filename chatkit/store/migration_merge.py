"""A context of the source brought into a target that may have gone on by itself: what is written, and what is kept.

Three states of each file are looked at: what an earlier migration wrote, what the target has, and what the source says
now. What nobody changed in the target follows the source; what somebody changed or added there is never written over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from chatkit.errors import CorruptFileError
from chatkit.models import Branch, ContextMetadata, Index, Message
from chatkit.models.record import Record
from chatkit.store.folder import index_entry
from chatkit.store.json_files import dump, read_record
from chatkit.store.migration_source import INDEX, METADATA, message_name
from chatkit.store.problems import Problems
from chatkit.store.verification import only_in_target

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import IndexEntry
    from chatkit.store.folder import ContextFolder
    from chatkit.store.migration_record import Written
    from chatkit.store.migration_source import Image

R = TypeVar("R", bound=Record)
_BRANCHES = "branches"


@dataclass(slots=True)
class Merged:
    """What is to be done with one context of the target.

    Attributes:
        files: what is to be written, in order: names under the context's folder and their bytes.
        kept: files that were changed in the target, and stay so.
        kept_keys: keys of the metadata that were changed in the target, and stay so.
        added: messages that are in the target only; they stand after those of the source.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    kept_keys: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def kept_messages(self, image: Image) -> set[str]:
        """Return the ids of the messages that were changed in the target."""
        return {message_id for message_id in image.message_ids if message_name(message_id) in self.kept}


def merge(image: Image, target: ContextFolder, written: Written) -> Merged:
    """Compare a context of the source with the one in the target.

    Args:
        image: what the source says now.
        target: the context's folder in the target, which may be missing.
        written: what an earlier migration wrote.
    """
    merged = Merged(added=only_in_target(image, target) if target.path.is_dir() else [])
    for name, data in image.files.items():
        there = _bytes(target.path / name)
        if name not in {INDEX, METADATA} and there != data:
            if there is None or written.has(name, there) or _is_damaged_message(target.path / name):
                merged.files[name] = data
            else:
                merged.kept.append(name)
    merged.files |= _moved(image, target, merged.added)
    metadata = _metadata(image, target, written, merged)
    for name, wanted in ((INDEX, _index(image, target, merged)), (METADATA, metadata)):
        if wanted is not None and wanted != _bytes(target.path / name):
            merged.files[name] = wanted
    return merged


def _is_damaged_message(path: Path) -> bool:
    return path.suffix == ".json" and _read(path, Message) is None


def _read(path: Path, kind: type[R]) -> R | None:
    """Read a file of the target; None where it is missing or says nothing that could be kept."""
    try:
        return read_record(path, kind)
    except (CorruptFileError, FileNotFoundError):
        return None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _moved(image: Image, target: ContextFolder, added: list[str]) -> dict[str, bytes]:
    """Return the files of added messages whose place in the index moves, as the source has got longer.

    One in flight has no file yet: its recorder writes it.
    """
    moved = {}
    for place, message_id in enumerate(added, start=len(image.listed)):
        message = _read(target.message_file(message_id), Message)
        if message is not None and message.position != place:
            moved[message_name(message_id)] = dump(message.model_copy(update={"position": place}))
    return moved


def _index(image: Image, target: ContextFolder, merged: Merged) -> bytes | None:
    """Return the index, which follows from the messages: the source's first, then those of the target only."""
    data = image.files.get(INDEX)
    if data is None or not (merged.kept or merged.added):
        return data
    try:
        source = Index.model_validate_json(data).messages
    except ValueError:  # damaged in the source: the target has its own
        return None
    kept = merged.kept_messages(image)
    there = {entry.message_id: entry for entry in target.index(Problems()).messages}
    first = [_kept_entry(target, entry) if entry.message_id in kept else entry for entry in source]
    last = [_moved_entry(there[message_id], merged.files) for message_id in merged.added]
    return dump(Index(messages=(*first, *last)))


def _kept_entry(target: ContextFolder, entry: IndexEntry) -> IndexEntry:
    path = target.message_file(entry.message_id)
    return index_entry(target.finished_message(entry.message_id), path.stat().st_size)


def _moved_entry(entry: IndexEntry, files: dict[str, bytes]) -> IndexEntry:
    data = files.get(message_name(entry.message_id))
    return entry if data is None else entry.model_copy(update={"size_bytes": len(data)})


def _metadata(image: Image, target: ContextFolder, written: Written, merged: Merged) -> bytes | None:
    """Return metadata in which each key that was changed in the target stays, and the others follow the source."""
    data = image.files.get(METADATA)
    here = _bytes(target.metadata_path)
    there = _read(target.metadata_path, ContextMetadata)
    if data is None or here is None or there is None or written.has(METADATA, here):
        return data
    if image.is_metadata_damaged:
        return None
    source, found = image.metadata.to_dict(), there.to_dict()
    changed = {key: value for key, value in found.items() if key != _BRANCHES and not written.said(key, value)}
    merged.kept_keys = [key for key, value in changed.items() if value != source.get(key)]
    names = dict.fromkeys([*image.metadata.branches, *there.branches])
    branches = {name: _branch(name, image.metadata, there, written) for name in names}
    kept = {name: branch for name, branch in branches.items() if branch is not None}
    return dump(ContextMetadata.model_validate(source | changed | {_BRANCHES: kept}))


def _branch(name: str, source: ContextMetadata, target: ContextMetadata, written: Written) -> Branch | None:
    """Return a branch with the ids that the source lists, then those that were added to it in the target.

    None for one that the source has no longer and nobody changed.
    """
    here, there = source.branches.get(name), target.branches.get(name)
    if here is None:
        return there if there is not None and not written.said_branch(name, there.to_dict()) else None
    if there is None:
        return here
    known = {*here.message_ids, *written.branch_ids(name)}
    added = [message_id for message_id in there.message_ids if message_id not in known]
    return here.model_copy(update={"message_ids": (*here.message_ids, *added)})
