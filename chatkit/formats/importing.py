"""Recordings into a store: contexts, messages, and nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.formats.conversations import Conversation, group
from chatkit.formats.recording import Recording
from chatkit.formats.reordering import contexts_by_label, is_imported, made_anew
from chatkit.models.states import state_after

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from chatkit.store import Context, Store


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        n_recordings: recordings read.
        n_contexts: contexts made.
        n_messages: messages stored.
        n_known: messages that were in the store already.
        cut: files that stop in the middle of a line; what stood before that was stored.
        unreadable: files of which nothing was stored, each with its reason.
    """

    n_recordings: int = 0
    n_contexts: int = 0
    n_messages: int = 0
    n_known: int = 0
    cut: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def import_recordings(paths: Iterable[Path], store: Store) -> ImportReport:
    """Store the responses of raw captures, with the messages that were sent with them.

    Recordings with the same ``label.context`` become one context, in the order of their turns; each of the
    others gets a context of its own. Ids follow from those of the recordings, so importing twice adds nothing.
    An earlier turn that comes in a later import is put before what is there: the context is made anew, and the old
    one is in the store's trash.

    Args:
        paths: ``*.jsonl`` files, and folders of such.
        store: where to.

    Raises:
        FileNotFoundError: a path is not there; nothing was stored.
        ReadOnlyError: the store can't be written to.
    """
    report = ImportReport()
    conversations = list(group(_readable(files_in(paths), report)))
    # One look at the store for all of them: it may hold thousands of contexts.
    contexts = store.contexts_by_id()
    holders = store.contexts_of(one for conversation in conversations for one in conversation.response_ids())
    labelled = contexts_by_label(store)
    for conversation in conversations:
        held = (holders[one] for one in conversation.response_ids() if one in holders)
        continued = (one for one in labelled.get(conversation.label, ()) if conversation.belongs_to(one.messages()))
        context = next(held, None) or contexts.get(conversation.context_id) or next(continued, None)
        _store(conversation, store, context, report)
    return report


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Return the files meant: a folder stands for its ``*.jsonl`` files, by name."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; nothing was imported")
        found.extend(sorted(path.glob("*.jsonl")) if path.is_dir() else [path])
    return found


def _readable(files: Iterable[Path], report: ImportReport) -> list[Recording]:
    recordings: dict[UUID, Recording] = {}
    for path in files:
        try:
            recording = Recording(path)
        except (CorruptFileError, OSError) as error:
            report.unreadable.append(str(error))
            continue
        report.n_recordings += 1
        if recording.is_cut:
            report.cut.append(str(path))
        recordings.setdefault(recording.header.id, recording)
    return list(recordings.values())


def _store(conversation: Conversation, store: Store, context: Context | None, report: ImportReport) -> None:
    """Store what is new, in the context that holds one of the responses already, or has the conversation's id."""
    known = set(context.message_ids) if context else set()
    stored = context.messages() if context else []
    messages = conversation.messages(stored)
    new = [message for message in messages if message.message_id not in known]
    report.n_known += len(messages) - len(new)
    report.n_messages += len(new)
    if not new:
        return
    if context is None:
        context = store.create_context(**conversation.context_fields())
        report.n_contexts += 1
    elif messages[: len(stored)] != stored and is_imported(context, stored):
        context, new = made_anew(context, store), messages
    last = next(message.streaming_response for message in reversed(messages) if message.streaming_response)
    context.append_messages(new, at=conversation.last_moment(), state=state_after(last))
