"""What a journal says, read line by line; a torn last line is left out."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from chatkit.errors import CorruptFileError
from chatkit.models import Message, Piece, Response, ResponseMetadata
from chatkit.models.response import TEXT
from chatkit.store.json_files import parse_json, read_bytes, validate
from chatkit.store.pieces import piece_of
from chatkit.timing.stamps import in_utc, parse_stamp, to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

NOT_A_LINE = (CorruptFileError, KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What is raised by JSON that is no line of a journal."""


class Content(NamedTuple):
    """What a journal says: the message as it was begun, its chunks so far, and what is known of the stream."""

    message: Message
    pieces: list[Piece]
    known: dict[str, Any]

    def so_far(self, finish_reason: str | None = None) -> tuple[Message, Response]:
        """Return the message with the chunks that have come, and its response."""
        begun = self.message.streaming_response
        if begun is None:  # the reader has made sure of that
            raise TypeError("not the journal of a response")
        metadata = {**begun.metadata.to_dict(), **self.known}
        response = Response.from_pieces(
            self.pieces,
            started_at=begun.started_at,
            model=begun.model,
            finish_reason=finish_reason,
            metadata=ResponseMetadata.model_validate(metadata),
        )
        return self.message.model_copy(update={"streaming_response": response}), response


def read_journal(path: Path) -> Content:
    """Read what has come so far.

    Raises:
        FileNotFoundError: there is no such journal.
        CorruptFileError: its first line is not what it should be, or one in the middle.
    """
    pieces: list[Piece] = []
    begun = _read_lines(read_bytes(path).split(b"\n")[:-1], path, pieces.append)
    return begun._replace(pieces=pieces)


def look_through(path: Path, take: Callable[[Piece], None]) -> Content:
    """Read a journal of any length, line by line; returns it without its chunks, and raises what others do.

    Args:
        path: the journal.
        take: is given each chunk.
    """
    with path.open("rb") as file:
        return _read_lines(_whole_lines(file), path, take)


def pieces_in(path: Path) -> Iterator[Piece]:
    """Give the chunks of a journal again, in order."""
    with path.open("rb") as file:
        for line in islice(_whole_lines(file), 1, None):
            if piece := piece_in(parse_json(line, path)):
                yield piece


def piece_in(said: Any) -> Piece | None:
    """Return the chunk of a line; None where it says something else, or nothing came."""
    if "delta" not in said:
        return None
    piece = piece_of(said["delta"], said.get("kind", TEXT), to_us(parse_stamp(said["at"])))
    return piece if piece.delta else None


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    return (line for line in file if line.endswith(b"\n"))


def _read_lines(lines: Iterable[bytes], path: Path, take: Callable[[Piece], None]) -> Content:
    numbered = enumerate(lines, start=1)
    _, header = next(numbered, (1, None))
    if header is None:
        raise CorruptFileError(str(path), "line 1", "the journal has no header yet")
    message = validate(parse_json(header, path), Message, path)
    if message.streaming_response is None:
        raise CorruptFileError(str(path), "line 1", "not the beginning of a response")
    known: dict[str, Any] = {}
    for number, line in numbered:
        try:
            said = parse_json(line, path)
            if piece := piece_in(said):
                take(piece)
            if "started_at" in said:
                message = sent_at(message, parse_stamp(said["started_at"]))
            known.update(said.get("metadata", {}))
        except NOT_A_LINE as error:
            raise CorruptFileError(str(path), f"line {number}", f"not a line of a journal: {error}") from error
    try:
        ResponseMetadata.model_validate(known)
    except ValidationError as error:
        raise CorruptFileError(str(path), "metadata", str(error.errors(include_url=False)[0]["msg"])) from error
    return Content(message, [], known)


def sent_at(begun: Message, at: datetime) -> Message:
    """Return the message of a response of which it is known now when its request was sent."""
    at = in_utc(at)
    if begun.streaming_response is None:
        raise TypeError("not the message of a response")
    response = begun.streaming_response.model_copy(update={"started_at": at})
    return begun.model_copy(update={"created_at": at, "streaming_response": response})


def is_without_header(path: Path) -> bool:
    """Whether a recorder died before the first line was whole: then nothing had been begun."""
    return b"\n" not in path.read_bytes()
