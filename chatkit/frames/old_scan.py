"""Contexts in the old formats into columns: what is plain, fast; the models read the others, context by context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Raw

from chatkit.errors import CorruptFileError
from chatkit.frames.chunk_arrays import UndecidedError
from chatkit.frames.message_file import is_plain
from chatkit.frames.old_file import old_message
from chatkit.frames.parsing import BATCH
from chatkit.frames.part import Selection
from chatkit.frames.places import Contexts, contexts_of, row_of_metadata
from chatkit.frames.rows import Entry, part_of
from chatkit.models import ContextMetadata
from chatkit.store import nodes
from chatkit.store.json_files import parse_json, read_bytes, validate
from chatkit.store.known import missing
from chatkit.store.single_file import SingleFile
from chatkit.store.split import SplitFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from chatkit.frames.part import Part, Wanted
    from chatkit.frames.places import ContextRow
    from chatkit.frames.progress import Progress
    from chatkit.store.context_files import ContextFiles

_decode_keys = msgspec.json.Decoder(dict[str, Raw]).decode


class OldRows(NamedTuple):
    """What was read of contexts in the old formats.

    Attributes:
        contexts: those that are plain, with the places of their messages.
        messages: for each place its message.
        others: the contexts that the models have to read.
    """

    contexts: Contexts
    messages: Selection
    others: list[ContextFiles]


class _Found(NamedTuple):
    """A plain context: its row, and its messages in the order of its places."""

    files: ContextFiles
    row: ContextRow
    entries: list[Entry]


def old_rows(contexts: Iterable[ContextFiles], keep: Wanted, progress: Progress) -> OldRows:
    """Read contexts in the old formats.

    Args:
        contexts: their files.
        keep: which columns of messages and chunks are wanted.
        progress: told of each batch.
    """
    rows: list[ContextRow] = []
    parts: list[Part] = []
    others: list[ContextFiles] = []
    for several in _batches(contexts, others):
        progress.expect(sum(len(found.entries) for found in several))
        part, plain = _part_of(several, keep)
        parts.append(part)
        rows += [found.row for found in plain]
        others += [found.files for found in several if found not in plain]
        progress.step(sum(len(found.entries) for found in several))
    counts = [part.messages.num_rows for part in parts]
    of_part = np.repeat(np.arange(len(parts)), counts)
    row = np.concatenate([np.arange(count) for count in counts]) if counts else np.empty(0, dtype=np.int64)
    return OldRows(contexts_of(rows)[0], Selection(parts, of_part, row), others)


def _batches(contexts: Iterable[ContextFiles], others: list[ContextFiles]) -> Iterator[list[_Found]]:
    """Yield plain contexts by some hundred messages; put the others aside."""
    several: list[_Found] = []
    for files in contexts:
        found = _read(files)
        if found is None:
            others.append(files)
            continue
        several.append(found)
        if sum(len(one.entries) for one in several) >= BATCH:
            yield several
            several = []
    if several:
        yield several


def _part_of(several: list[_Found], keep: Wanted) -> tuple[Part, list[_Found]]:
    """Make columns of contexts; those in which times go back, or are none, are left to the models."""
    while True:
        of_row = [found for found in several for _ in found.entries]
        try:
            part = part_of([entry for found in several for entry in found.entries], keep)
        except UndecidedError as error:
            odd = error.rows
        else:
            odd = np.flatnonzero(np.asarray(part.messages["reason"].is_valid())).tolist()
            if not odd:
                return part, several
        odd_ones = [of_row[row] for row in odd]
        several = [found for found in several if not any(found is one for one in odd_ones)]


def _read(files: ContextFiles) -> _Found | None:
    """Read a context; None for what the models have to decide."""
    try:
        if isinstance(files, SingleFile):
            content, pool = _single_file(files.path)
        elif isinstance(files, SplitFolder):
            content, pool = _split(files)
        else:
            return None
        if content.get("id") != files.context_id:
            return None
        metadata = validate(nodes.context_metadata(content), ContextMetadata, files.path)
    except (CorruptFileError, FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    found = {message_id: old_message(data, message_id) for message_id, data in pool.items()}
    plain = {message_id: message for message_id, message in found.items() if message is not None}
    if len(plain) < len(pool) or any(missing(metadata, pool)):
        return None
    order = nodes.places(metadata, {message_id: message.parent_id for message_id, (message, _) in plain.items()})
    entries = [Entry("", file=plain[one][0], content=plain[one][1], is_numbered=False) for one in order]
    listed = [plain[one][0] for one in order]
    return _Found(files, row_of_metadata(metadata, listed, metadata.current_state, files.format_name), entries)


def _single_file(path: Path) -> tuple[dict[str, Any], Mapping[str, bytes | Raw]]:
    keys = _decode_keys(_plain_bytes(path))
    pool = _decode_keys(keys.pop("message_pool", Raw(b"null")))
    return {key: parse_json(bytes(value), path) for key, value in keys.items()}, pool


def _split(files: SplitFolder) -> tuple[dict[str, Any], Mapping[str, bytes | Raw]]:
    content = parse_json(read_bytes(files.context_path), files.context_path)
    if not isinstance(content, dict):
        raise CorruptFileError(str(files.context_path), "", "is no object")
    return content, {one: _plain_bytes(files.message_file(one)) for one in files.message_ids()}


def _plain_bytes(path: Path) -> bytes:
    data = read_bytes(path)
    if not is_plain(data):
        raise CorruptFileError(str(path), "", "is for the models to read")
    return data
