"""A context on disk, whatever its format: what a reader asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import ContextMetadata, Index, Message
    from chatkit.store.problems import Problems


class ContextFiles(Protocol):
    """The files of one context in one of the formats. Reads on each call; keeps nothing open."""

    format_name: str
    """``chatkit``, ``single-file`` or ``split``."""
    context_id: str
    path: Path

    def metadata(self, problems: Problems) -> ContextMetadata:
        """Read what the context is; a damaged file is noted and replaced by what can be told without it."""

    def index(self, problems: Problems) -> Index:
        """Read the references to its messages; rebuilt from the messages where that is damaged."""

    def message(self, message_id: str) -> Message:
        """Read one message.

        Raises:
            FileNotFoundError: there is none of this id.
            CorruptFileError: its file does not say what it should.
        """

    def message_file(self, message_id: str) -> Path:
        """Return the file that holds a message."""

    def message_ids(self) -> list[str]:
        """List the ids of the messages that are there, listed in the index or not, in any order."""

    def change_mark(self) -> object:
        """Return something that is equal for as long as no message comes or goes."""
