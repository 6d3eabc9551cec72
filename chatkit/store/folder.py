"""A context in chatkit's own format: a folder with metadata, index and one file a message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.models import ContextMetadata, Index, IndexEntry, Message
from chatkit.models.states import state_after
from chatkit.store.atomic import TEMPORARY_PREFIX
from chatkit.store.ids import is_id
from chatkit.store.journal import SUFFIX as JOURNAL_SUFFIX
from chatkit.store.journal_reading import read_journal
from chatkit.store.json_files import read_record
from chatkit.store.known import Known, metadata_told
from chatkit.store.locks import is_journal_held
from chatkit.store.remote import ahead, folder_mark, looking, names_in

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.problems import Problems


_COARSE_NS = 2_000_000_000


class ContextFolder:
    """The folder of one context.

    Args:
        path: the folder, named by the context's id.
    """

    format_name = "chatkit"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context_id = path.name
        self.metadata_path = path / "metadata.json"
        self.index_path = path / "index.json"
        self.messages_path = path / "messages"
        self.is_recovered = False  # whether a writer has ended what others left; see chatkit.store.writing

    def metadata(self, problems: Problems) -> ContextMetadata:
        """Read ``metadata.json``; where it is damaged, what the messages themselves tell is taken."""
        try:
            metadata = read_record(self.metadata_path, ContextMetadata)
            if metadata.context_id != self.context_id:
                raise CorruptFileError(
                    str(self.metadata_path), "context_id", f"is {metadata.context_id}, unlike its folder"
                )
        except FileNotFoundError:
            problems.add(CorruptFileError(str(self.metadata_path), "", "is missing"), self.context_id)
        except CorruptFileError as error:
            problems.add(error, self.context_id)
        else:
            return metadata
        return metadata_told(self.context_id, self.survey(problems), in_flight=bool(self.journal_ids()))

    def index(self, problems: Problems) -> Index:
        """Read ``index.json``; where it is missing or damaged, rebuild it from the messages."""
        try:
            return read_record(self.index_path, Index)
        except FileNotFoundError:
            problems.add(CorruptFileError(str(self.index_path), "", "is missing"), self.context_id)
        except CorruptFileError as error:
            problems.add(error, self.context_id)
        return self.rebuilt_index(problems)

    def rebuilt_index(self, problems: Problems) -> Index:
        """Make the index anew from the messages' own ``position``; those in flight are told by their journals."""
        return Index(messages=tuple(known.entry for known in self.survey(problems)))

    def survey(self, problems: Problems) -> list[Known]:
        """Read every message and keep of each what index and metadata say of it, in the order of positions."""
        found: list[Known] = []
        with looking(self.path):
            for message_id in ahead(self.message_ids(), self.message_file):
                try:
                    found.append(self._known(message_id))
                except CorruptFileError as error:
                    problems.add(error, self.context_id, message_id)
                except FileNotFoundError:
                    continue  # gone since it was listed
        return sorted(found, key=Known.order)

    def _known(self, message_id: str) -> Known:
        try:
            return self._known_finished(message_id)
        except FileNotFoundError:
            try:
                message = read_journal(self.journal_file(message_id)).message
            except FileNotFoundError:
                return self._known_finished(message_id)  # it ended meanwhile
            return Known(streaming_entry(message), message.position, message.branch, None)

    def _known_finished(self, message_id: str) -> Known:
        message = self.finished_message(message_id)
        response = message.streaming_response
        entry = index_entry(message, self.message_file(message_id).stat().st_size)
        return Known(entry, message.position, message.branch, None if response is None else state_after(response))

    def message(self, message_id: str) -> Message:
        """Read one message; of one in flight, what has come so far.

        The file is tried, then the journal, then the file again, which may have come meanwhile: the file wins.
        """
        try:
            return self.finished_message(message_id)
        except FileNotFoundError:
            try:
                return read_journal(self.journal_file(message_id)).so_far()[0]
            except FileNotFoundError:
                return self.finished_message(message_id)

    def finished_message(self, message_id: str) -> Message:
        """Read one message file."""
        path = self.message_file(message_id)
        message = read_record(path, Message)
        if message.message_id != message_id:
            raise CorruptFileError(str(path), "message_id", f"is {message.message_id}, unlike its file name")
        return message

    def message_file(self, message_id: str) -> Path:
        """Return where a message's file is, or would be."""
        return self.messages_path / f"{message_id}.json"

    def file_aside(self, message_id: str) -> Path:
        """Return where a message's file is written before it takes its place, if that takes long."""
        return self.messages_path / f"{TEMPORARY_PREFIX}{message_id}"

    def left_over(self, name: str) -> bool:
        """Whether a name among the messages is that of a write that was cut short; makes no file."""
        message_id = name.removeprefix(TEMPORARY_PREFIX)
        return message_id != name and not (is_id(message_id) and is_journal_held(self.path, message_id))

    def journal_file(self, message_id: str) -> Path:
        """Return where a message's journal is while it streams."""
        return self.messages_path / f"{message_id}{JOURNAL_SUFFIX}"

    def events_file(self, message_id: str) -> Path:
        """Return where a message's raw events are, where they were kept: a recording."""
        return self.messages_path / f"{message_id}.events.jsonl"

    def message_ids(self) -> list[str]:
        """List the messages, finished or in flight; temporary and foreign files are none."""
        names = self._names()
        return list(dict.fromkeys([*_ids_with(".json", names), *_ids_with(JOURNAL_SUFFIX, names)]))

    def journal_ids(self) -> list[str]:
        """List the messages that have a journal: in flight, or left by a recorder that died."""
        return _ids_with(JOURNAL_SUFFIX, self._names())

    def is_streaming(self) -> bool:
        """Whether a response is in flight of which at least one chunk has come."""
        for message_id in self.journal_ids():
            try:
                if read_journal(self.journal_file(message_id)).pieces:
                    return True
            except (FileNotFoundError, CorruptFileError):
                continue
        return False

    def _names(self) -> list[str]:
        try:
            return names_in(self.messages_path)
        except FileNotFoundError:
            return []

    def change_mark(self) -> object:
        """Return the folder's time of change, which moves when a file comes or goes.

        Times of change are coarse (2 s on FAT): a folder that changed a moment ago may change again without its time
        moving, so until then the mark equals nothing.
        """
        try:
            changed_ns = folder_mark(self.messages_path)
        except FileNotFoundError:
            return None
        if not isinstance(changed_ns, int):
            return changed_ns
        return changed_ns if time.time_ns() - changed_ns > _COARSE_NS else object()


def _ids_with(suffix: str, names: list[str]) -> list[str]:
    found = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return sorted(name for name in found if is_id(name))


def streaming_entry(message: Message) -> IndexEntry:
    """Return the reference to a response that is in flight."""
    return index_entry(message, None).model_copy(update={"streaming": True, "chunks": None})


def index_entry(message: Message, size_bytes: int | None) -> IndexEntry:
    """Return the reference to a message whose file has this size."""
    response = message.streaming_response
    return IndexEntry(
        message_id=message.message_id,
        role=message.role,
        message_type=message.message_type,
        created_at=message.created_at,
        parent_id=message.parent_id,
        size_bytes=size_bytes,
        chunks=None if response is None else len(response.chunks),
    )
