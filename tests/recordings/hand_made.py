"""Captures made by hand for what the recordings lack: files in ``handmade/``, asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.recordings.imported import Imported, differences, message_id_of

if TYPE_CHECKING:
    from chatkit.models import Message, Response
    from tests.recordings.imported import Row

FOLDER = Path(__file__).parent / "handmade"
CAPTURES = sorted(FOLDER.glob("*.jsonl"))


@dataclass(frozen=True)
class HandMade:
    """The imported captures; each is asked for by its file's name, and by choice where it has several."""

    imported: Imported

    def message(self, name: str, choice: int = 0) -> Message:
        return self.imported.store.message(message_id_of(FOLDER / f"{name}.jsonl", choice))

    def response(self, name: str, choice: int = 0) -> Response:
        response = self.message(name, choice).streaming_response
        assert response is not None
        return response

    def column(self, name: str, column: str) -> list[Any]:
        """Return a column of the capture's chunks."""
        rows = self.imported.chunks.get(message_id_of(FOLDER / f"{name}.jsonl"), [])
        return [row[column] for row in rows]

    def differences(self, name: str, choice: int = 0, **expected: Any) -> Row:
        """Return where the capture's row in ``responses_df`` is not as expected; None stands for unknown."""
        return differences(self.imported.responses[message_id_of(FOLDER / f"{name}.jsonl", choice)], expected)
