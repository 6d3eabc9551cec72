"""The end of a journal: what has come since one last looked, without reading the rest again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from chatkit.errors import CorruptFileError
from chatkit.models.response import TEXT
from chatkit.store.json_files import parse_json

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
            CorruptFileError: the next line is not what it should be; no call gets past it.
        """
        with self.path.open("rb") as journal:
            journal.seek(self._offset)
            new = journal.read()
        deltas: list[Delta] = []
        for line in new[: new.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                deltas += self._read_line(line)
            except CorruptFileError:
                if not deltas:
                    raise
                break
        return deltas

    def _read_line(self, line: bytes) -> list[Delta]:
        """Return the chunk of a line; the first line is the message, and others tell of the stream."""
        said = self._parse(line) if self._n_lines else _Line()
        self._n_lines += 1
        self._offset += len(line)
        if said.delta is None:
            return []
        self._sequence += 1
        return [Delta(self._sequence, said.delta, said.kind)]

    def _parse(self, line: bytes) -> _Line:
        try:
            return _LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):  # half a character, which the fast decoder refuses, or worse
            pass
        try:
            return msgspec.convert(parse_json(line, self.path), _Line)
        except (CorruptFileError, msgspec.ValidationError) as error:
            raise CorruptFileError(str(self.path), f"line {self._n_lines + 1}", str(error)) from error
