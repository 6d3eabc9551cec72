"""A context in chatkit's own format: a folder with metadata, index and one file a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.models import Branch, ContextMetadata, Index, IndexEntry, Message
from chatkit.models.context import MAIN
from chatkit.store.ids import is_id
from chatkit.store.json_files import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.problems import Problems


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

    def metadata(self, problems: Problems) -> ContextMetadata:
        """Read ``metadata.json``; where it is damaged, all messages are taken to be one branch."""
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
        ids = tuple(entry.message_id for entry in self.index(problems).messages)
        return ContextMetadata(context_id=self.context_id, branches={MAIN: Branch(name=MAIN, message_ids=ids)})

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
        """Make the index anew from the message files' own ``position``."""
        found = []
        for message_id in self.message_ids():
            try:
                message = self.message(message_id)
            except (CorruptFileError, FileNotFoundError) as error:
                if isinstance(error, CorruptFileError):
                    problems.add(error, self.context_id, message_id)
                continue
            size_bytes = self.message_file(message_id).stat().st_size
            found.append((message.position, message.created_at, index_entry(message, size_bytes)))
        found.sort(key=lambda row: (row[0] is None, row[0] or 0, row[1] is None, row[1] or 0, row[2].message_id))
        return Index(messages=tuple(entry for _, _, entry in found))

    def message(self, message_id: str) -> Message:
        """Read one message file."""
        path = self.message_file(message_id)
        message = read_record(path, Message)
        if message.message_id != message_id:
            raise CorruptFileError(str(path), "message_id", f"is {message.message_id}, unlike its file name")
        return message

    def message_file(self, message_id: str) -> Path:
        """Return where a message's file is, or would be."""
        return self.messages_path / f"{message_id}.json"

    def message_ids(self) -> list[str]:
        """List the message files; temporary and foreign ones are none."""
        try:
            names = [path.stem for path in self.messages_path.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return []
        return [name for name in names if is_id(name)]

    def change_mark(self) -> object:
        """Return the folder's time of change, which moves when a file comes or goes."""
        try:
            return self.messages_path.stat().st_mtime_ns
        except FileNotFoundError:
            return None


def index_entry(message: Message, size_bytes: int) -> IndexEntry:
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
