"""What a store and a context show of themselves: what a glance can tell, without opening a message.

Nothing is raised or noted here: a look at an object must neither fail nor use up the warning that a reader is owed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatkit.errors import ChatkitError
from chatkit.models.notebook_table import notebook_table
from chatkit.models.one_line import one_line
from chatkit.store.locate import FORMAT_NAME
from chatkit.store.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chatkit.errors import CorruptFileError
    from chatkit.models import ContextMetadata, IndexEntry
    from chatkit.models.context import State
    from chatkit.models.notebook_table import Cell
    from chatkit.store.context_files import ContextFiles

_MOST = 10
_LONGEST = 60
_NO_METADATA = "metadata can't be read"


class _OneLook(Problems):
    """Passes over what is wrong with single messages; stops where a file is, before others are read in its place."""

    def add(self, error: CorruptFileError, context_id: str | None, message_id: str | None = None) -> None:  # noqa: ARG002
        if message_id is None:
            raise error


@dataclass(frozen=True, slots=True)
class Glance:
    """A context as its metadata and index tell it.

    Attributes:
        context_id: its id.
        metadata: None where they can't be read.
        entries: the references to its messages; None where only the messages themselves could tell them.
        message_ids: the ids of its messages, as branches list them; None where they can't be listed.
    """

    context_id: str
    metadata: ContextMetadata | None
    entries: tuple[IndexEntry, ...] | None
    message_ids: tuple[str, ...] | None

    @classmethod
    def at(
        cls, files: ContextFiles, metadata: ContextMetadata | None, entries: tuple[IndexEntry, ...] | None
    ) -> Glance:
        """Look at a context; what was read of it before (else None) is not read again."""
        metadata = metadata or _metadata(files)
        entries = _entries(files) if entries is None else entries
        if entries is not None:
            return cls(files.context_id, metadata, entries, tuple(entry.message_id for entry in entries))
        return cls(files.context_id, metadata, None, _in_order(_message_ids(files), metadata))

    @property
    def line(self) -> str:
        """The context in one line of plain text."""
        title = self.metadata.title if self.metadata else None
        named = f" '{one_line(title, _LONGEST)}'" if title else ""
        trouble = "" if self.metadata else f", {_NO_METADATA}"
        return f"<Context {self.context_id[:8]}{named}: {_counted(self.message_ids, 'message')}{trouble}>"

    @property
    def html(self) -> str:
        """The context and its first messages as a table."""
        known = self.metadata
        title = f"Context {self.context_id[:8]}"
        title += f" · {one_line(known.title, _LONGEST)}" if known and known.title else ""
        facts = [_state_name(known.current_state), _branches(known)] if known else [_NO_METADATA]
        facts.append(_counted(self.message_ids, "message", "the first 10 shown"))
        headings = ("", "message", "role", "type", "created", "chunks")
        return notebook_table(title, self._rows(), headings, " · ".join(filter(None, facts)), _LONGEST)

    def _rows(self) -> list[tuple[Cell, ...]]:
        if self.entries is None:
            return [(None, found[:8], None, None, None, None) for found in (self.message_ids or ())[:_MOST]]
        return [
            (n, entry.message_id[:8], entry.role, entry.message_type, entry.created_at, entry.chunks)
            for n, entry in enumerate(self.entries[:_MOST])
        ]


def store_line(name: str, contexts: Mapping[str, ContextFiles] | None) -> str:
    """Return a store in one line of plain text; ``contexts`` are None where they can't be listed."""
    return f"<Store {one_line(name, 4 * _LONGEST)}: {_counted(contexts, 'context')}>"


def store_html(name: str, contexts: Mapping[str, ContextFiles] | None) -> str:
    """Return a store and its first contexts as a table; ``contexts`` are None where they can't be listed."""
    rows = [_context_row(contexts[context_id]) for context_id in sorted(contexts or ())[:_MOST] if contexts]
    headings = ("context", "title", "created", "model", "messages", "state")
    return notebook_table(
        f"Store {name}", rows, headings, _counted(contexts, "context", "the first 10 by id shown"), _LONGEST
    )


def _context_row(files: ContextFiles) -> tuple[Cell, ...]:
    known, ids = _metadata(files), _message_ids(files)
    count = None if ids is None else len(ids)
    if known is None:
        return files.context_id[:8], _NO_METADATA, None, None, count, None
    state = _state_name(known.current_state)
    return files.context_id[:8], known.title, known.created_at, known.config.model_id, count, state


def _metadata(files: ContextFiles) -> ContextMetadata | None:
    try:
        return files.metadata(_OneLook())
    except (ChatkitError, OSError):
        return None


def _entries(files: ContextFiles) -> tuple[IndexEntry, ...] | None:
    """Read the index; an old format has none, and one that is damaged is not rebuilt for a glance."""
    if files.format_name != FORMAT_NAME:
        return None
    try:
        return files.index(_OneLook()).messages
    except (ChatkitError, OSError):
        return None


def _message_ids(files: ContextFiles) -> tuple[str, ...] | None:
    try:
        return tuple(sorted(files.message_ids()))
    except (ChatkitError, OSError):
        return None


def _in_order(message_ids: tuple[str, ...] | None, metadata: ContextMetadata | None) -> tuple[str, ...] | None:
    """Put ids in the order of the active branch; those that it does not list stand last."""
    if message_ids is None or metadata is None or metadata.active_branch is None:
        return message_ids
    there = set(message_ids)
    listed = [one for one in metadata.active_branch.message_ids if one in there]
    return tuple(dict.fromkeys([*listed, *message_ids]))


def _state_name(state: State) -> str:
    """Return a state's name, whether it says more or not.

    >>> _state_name("idle"), _state_name({"failed": {"error_message": "gone"}})
    ('idle', 'failed')
    """
    return state if isinstance(state, str) else ", ".join(map(str, state))


def _branches(metadata: ContextMetadata) -> str:
    n = len(metadata.branches)
    return "" if n == 1 else f"{n} branches, {metadata.active_branch_name} active"


def _counted(things: tuple[str, ...] | Mapping[str, ContextFiles] | None, noun: str, cut: str = "") -> str:
    if things is None:
        return f"{noun}s can't be listed"
    counted = f"{len(things):,} {noun}{'s' * (len(things) != 1)}"
    return f"{counted}, {cut}" if cut and len(things) > _MOST else counted
