"""A context in the newer of the old formats: a folder with the context and one file a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.models import Branch, ContextMetadata, Index, Message
from chatkit.models.context import MAIN
from chatkit.store import nodes
from chatkit.store.ids import is_id
from chatkit.store.json_files import read_json, validate
from chatkit.store.remote import folder_mark, names_in

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.problems import Problems


class SplitFolder:
    """The folder of one context: ``context.json`` and ``messages_pool/{uuid}.json``."""

    format_name = "split"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context_id = path.name
        self.context_path = path / "context.json"
        self.pool_path = path / "messages_pool"
        self._known_places: tuple[object, dict[str, nodes.Place]] | None = None

    def metadata(self, problems: Problems) -> ContextMetadata:
        """Read ``context.json``; where it is damaged, all messages are one branch, parents before children."""
        try:
            metadata = self._metadata()
        except (CorruptFileError, FileNotFoundError) as error:
            if not isinstance(error, CorruptFileError):
                error = CorruptFileError(str(self.context_path), "", "is missing")
            problems.add(error, self.context_id)
            return self._without_context()
        nodes.note_missing(metadata, self.message_ids(), self.context_path, problems)
        return metadata

    def index(self, problems: Problems) -> Index:
        """Put the messages in the order of the branches."""
        found: dict[str, Message] = {}
        order = self._places()
        for message_id in order:
            try:
                found[message_id] = self._read(message_id, order[message_id])
            except (CorruptFileError, FileNotFoundError) as error:
                if isinstance(error, CorruptFileError):
                    problems.add(error, self.context_id, message_id)
        return nodes.index(order, found)

    def order(self) -> list[str]:
        """List the messages in the order of the branches, those that can't be read too."""
        return list(self._places())

    def message(self, message_id: str) -> Message:
        """Read one node file."""
        return self._read(message_id, self._places().get(message_id, (None, MAIN)))

    def message_file(self, message_id: str) -> Path:
        """Return the file that holds a message."""
        return self.pool_path / f"{message_id}.json"

    def message_ids(self) -> list[str]:
        """List the pool's files."""
        try:
            names = [name.removesuffix(".json") for name in names_in(self.pool_path) if name.endswith(".json")]
        except FileNotFoundError:
            return []
        return [name for name in names if is_id(name)]

    def change_mark(self) -> object:
        """Return the pool's time of change."""
        try:
            return folder_mark(self.pool_path)
        except FileNotFoundError:
            return None

    def _metadata(self) -> ContextMetadata:
        content = read_json(self.context_path)
        if not isinstance(content, dict) or content.get("id") != self.context_id:
            raise CorruptFileError(str(self.context_path), "id", "is not that of its folder")
        return validate(nodes.context_metadata(content), ContextMetadata, self.context_path)

    def _without_context(self) -> ContextMetadata:
        ids = tuple(nodes.places(ContextMetadata(context_id=self.context_id), self._parents()))
        return ContextMetadata(context_id=self.context_id, branches={MAIN: Branch(name=MAIN, message_ids=ids)})

    def _places(self) -> dict[str, nodes.Place]:
        mark = (self.change_mark(), _mark(self.context_path))
        if self._known_places is None or self._known_places[0] != mark:
            self._known_places = (mark, self._find_places())
        return self._known_places[1]

    def _find_places(self) -> dict[str, nodes.Place]:
        try:
            metadata = self._metadata()
        except (CorruptFileError, FileNotFoundError):
            metadata = self._without_context()
        listed = {message_id for branch in metadata.branches.values() for message_id in branch.message_ids}
        here = self.message_ids()
        pool = dict.fromkeys(here) if listed.issuperset(here) else self._parents()
        return nodes.places(metadata, pool)

    def _parents(self) -> dict[str, str | None]:
        """Read every node's parent: needed only where a branch does not tell the order."""
        pool = {}
        for message_id in self.message_ids():
            try:
                pool[message_id] = read_json(self.pool_path / f"{message_id}.json")
            except (CorruptFileError, FileNotFoundError):
                pool[message_id] = None
        return nodes.parents(pool)

    def _read(self, message_id: str, place: nodes.Place) -> Message:
        path = self.pool_path / f"{message_id}.json"
        return nodes.read_message(read_json(path), message_id, self.context_id, place, path)


def _mark(path: Path) -> object:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
