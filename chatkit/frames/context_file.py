"""A context's metadata and index as msgspec reads them: the fast lane beside the models, as for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct, field

from chatkit.frames.message_file import NOTHING, AnyObject, is_plain
from chatkit.models.context import MAIN
from chatkit.store.ids import is_id

if TYPE_CHECKING:
    from collections.abc import Iterable


class ConfigFile(Struct, gc=False):
    """``config``."""

    model_id: str | None = None
    mode: str | None = None
    parameters: AnyObject = field(default_factory=AnyObject)
    system_prompt_id: str | None = None
    agent_role: str | None = None


class BranchFile(Struct, gc=False):
    """One of ``branches``."""

    name: str
    message_ids: list[str] = field(default_factory=list)
    system_prompt: str | None = None
    user_prompt: str | None = None


class MetadataFile(Struct, gc=False):
    """``metadata.json``."""

    context_id: str
    title: str | None = None
    current_state: str | dict[str, Any] = "idle"
    parent_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    config: ConfigFile = field(default_factory=ConfigFile)
    branches: dict[str, BranchFile] = field(default_factory=lambda: {MAIN: BranchFile(MAIN)})
    active_branch_name: str = MAIN
    metadata: AnyObject | None = None


class EntryFile(Struct, gc=False):
    """One of the index's ``messages``."""

    message_id: str
    role: str
    message_type: str
    created_at: str | None = None
    parent_id: str | None = None
    bytes: int | None = None
    size_bytes: Raw = NOTHING
    chunks: int | None = None
    streaming: bool | None = None


class IndexFile(Struct, gc=False):
    """``index.json``."""

    messages: list[EntryFile] = field(default_factory=list)


_decode_metadata = msgspec.json.Decoder(MetadataFile).decode
_decode_index = msgspec.json.Decoder(IndexFile).decode


def context_file(metadata: bytes, index: bytes, context_id: str) -> tuple[MetadataFile, IndexFile] | None:
    """Read a context's files; None for what the models have to decide.

    That a time is one is not looked at here.
    """
    try:
        told, listed = _decode_metadata(metadata), _decode_index(index)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not (told.context_id == context_id and is_plain(metadata) and is_plain(index) and _has_ids(told, listed)):
        return None
    return told, listed


def _has_ids(told: MetadataFile, listed: IndexFile) -> bool:
    entries = listed.messages
    known = {entry.message_id for entry in entries}
    named = {entry.parent_id for entry in entries}.union(*(branch.message_ids for branch in told.branches.values()))
    named.add(told.parent_id)
    return _are_ids(known) and _are_ids(named - known) and not any(bytes(entry.size_bytes) for entry in entries)


def _are_ids(texts: Iterable[str | None]) -> bool:
    return all(text is None or is_id(text) for text in texts)
