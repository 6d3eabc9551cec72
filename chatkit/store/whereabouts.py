"""Which context of a store holds a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError
from chatkit.store.ids import resolve
from chatkit.store.locate import find_contexts
from chatkit.store.remote import list_ahead, looking

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.context_files import ContextFiles
    from chatkit.store.problems import Problems


class Whereabouts:
    """The context of each message of a store; it knows of those that were there when it last looked.

    Args:
        path: the store.
        problems: told of contexts whose messages can't be listed.
    """

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path = path
        self._problems = problems
        self._places: dict[str, ContextFiles] = {}
        self._listings: dict[str, tuple[object, list[str]]] = {}

    def look(self) -> None:
        """Look at the store; only folders that have changed are listed again."""
        places: dict[str, ContextFiles] = {}
        listings: dict[str, tuple[object, list[str]]] = {}
        with looking(self._path):
            list_ahead(self._path)
            for context_id, files in find_contexts(self._path).items():
                mark = files.change_mark()
                known = self._listings.get(context_id)
                listing = known if known is not None and known[0] == mark else (mark, self._ids_in(files))
                listings[context_id] = listing
                places.update(dict.fromkeys(listing[1], files))
        self._places, self._listings = places, listings

    def find(self, beginning: str) -> tuple[str, ContextFiles]:
        """Return the whole id that begins so, and where the message is.

        Raises:
            NotFoundError: no message is known whose id begins so, or several are.
        """
        found = resolve(beginning, self._places.keys(), "message")
        return found, self._places[found]

    def of(self, message_id: str) -> ContextFiles | None:
        """Return where a message is, by its whole id; None if it is not known."""
        return self._places.get(message_id)

    def _ids_in(self, files: ContextFiles) -> list[str]:
        try:
            return files.message_ids()
        except CorruptFileError as error:
            self._problems.add(error, files.context_id)
            return []
