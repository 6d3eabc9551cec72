"""The end of a journal: what has come since one last looked, without reading the rest again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chatkit.errors import CorruptFileError
from chatkit.models.response import TEXT

if TYPE_CHECKING:
    from pathlib import Path


class Delta(NamedTuple):
    """One chunk of a response that streams."""

    sequence: int
    delta: str
    kind: str


class _Line(msgspec.Struct):
    delta: str | None = None
    kind: str = TEXT


_LINE = msgspec.json.Decoder(_Line)


class JournalTail:
    """Reads a journal as it grows.

    Args:
        path: the journal; it need not be there yet, or any more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._n_lines = 0
        self._sequence = 0

    def read(self) -> list[Delta]:
        """Return the chunks that have come since the last call; a line that is not whole yet comes next time.

        Raises:
            FileNotFoundError: the response has ended, or not begun.
            CorruptFileError: a line is not what it should be.
        """
        with self.path.open("rb") as journal:
            journal.seek(self._offset)
            new = journal.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [delta for line in whole.splitlines() if (delta := self._read_line(line)) is not None]

    def _read_line(self, line: bytes) -> Delta | None:
        """Return the chunk of a line; the first line is the message, and others tell of the stream."""
        self._n_lines += 1
        if self._n_lines == 1:
            return None
        try:
            said = _LINE.decode(line)
        except msgspec.DecodeError as error:
            raise CorruptFileError(str(self.path), f"line {self._n_lines}", str(error)) from error
        if said.delta is None:
            return None
        self._sequence += 1
        return Delta(self._sequence, said.delta, said.kind)
