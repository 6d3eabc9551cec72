"""A context in the older format: one JSON file with a pool of all its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.models import ContextMetadata, Index, Message
from chatkit.store import nodes
from chatkit.store.json_files import read_json, validate

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.problems import Problems


class SingleFile:
    """The file of one context, ``conversations/{uuid}.json``; parsed again only when it has changed."""

    format_name = "single-file"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context_id = path.stem
        self._parsed: tuple[object, dict[str, Any]] | None = None
        self._known_places: dict[str, nodes.Place] | None = None

    def metadata(self, problems: Problems) -> ContextMetadata:
        """Read what the context is; ids that a branch lists and the pool lacks are noted.

        Raises:
            CorruptFileError: the whole context is in this file, so nothing can be told without it.
        """
        content = self._content()
        metadata = validate(nodes.context_metadata(content), ContextMetadata, self.path)
        nodes.note_missing(metadata, content["message_pool"], self.path, problems)
        return metadata

    def index(self, problems: Problems) -> Index:
        """Put the messages in the order of the branches."""
        found: dict[str, Message] = {}
        order = self._places()
        for message_id in order:
            try:
                found[message_id] = self.message(message_id)
            except CorruptFileError as error:
                problems.add(error, self.context_id, message_id)
        return nodes.index(order, found)

    def order(self) -> list[str]:
        """List the messages in the order of the branches, those that can't be read too."""
        return list(self._places())

    def message(self, message_id: str) -> Message:
        """Read one message of the pool."""
        pool = self._content()["message_pool"]
        if message_id not in pool:
            raise FileNotFoundError(f"{self.path}: no message {message_id} in the pool")
        return nodes.read_message(pool[message_id], message_id, self.context_id, self._places()[message_id], self.path)

    def message_file(self, message_id: str) -> Path:  # noqa: ARG002 - all messages are in the one file
        """Return the file that holds a message."""
        return self.path

    def message_ids(self) -> list[str]:
        """List the pool."""
        return list(self._content()["message_pool"])

    def change_mark(self) -> object:
        """Return what tells one version of the file from another."""
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _places(self) -> dict[str, nodes.Place]:
        content = self._content()
        if self._known_places is None:
            metadata = validate(nodes.context_metadata(content), ContextMetadata, self.path)
            self._known_places = nodes.places(metadata, nodes.parents(content["message_pool"]))
        return self._known_places

    def _content(self) -> dict[str, Any]:
        mark = self.change_mark()
        if self._parsed is None or self._parsed[0] != mark:
            content = read_json(self.path)
            if not isinstance(content, dict) or not isinstance(content.get("message_pool"), dict):
                raise CorruptFileError(str(self.path), "message_pool", "is missing: not a conversation")
            if content.get("id") != self.context_id:
                raise CorruptFileError(str(self.path), "id", f"is {content.get('id')}, unlike its file name")
            self._parsed, self._known_places = (mark, content), None
        return self._parsed[1]
