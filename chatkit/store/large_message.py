"""The file of a message whose text and chunks are not in memory: written in parts, the same to the byte."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from chatkit.models.response import TEXT, chunks_of
from chatkit.models.text import join
from chatkit.store.json_files import dump, dump_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chatkit.models import Message, Piece

_PART_BYTES = 1 << 20
_HIGH_HALVES = ("\ud800", "\udbff")


class LargePieces(NamedTuple):
    """What came of a response that is not kept in memory.

    Attributes:
        n_pieces: how many there are; none of them is empty.
        read: gives them in order, as often as it is called.
    """

    n_pieces: int
    read: Callable[[], Iterator[Piece]]


def parts_of(message: Message, pieces: LargePieces) -> Iterator[bytes]:
    """Yield the file of a response in parts of about a megabyte.

    Args:
        message: it, without text or chunks.
        pieces: those; read twice.
    """
    response, mark = message.streaming_response, uuid4().hex
    if response is None:
        raise TypeError("not the message of a response")
    marked = response.model_copy(update={"content": mark, "chunks": ()})
    data = dump(message.model_copy(update={"streaming_response": marked}))
    head, tail = data.split(b'"%s","chunks":[]' % mark.encode())
    content = _escaped(piece.delta for piece in pieces.read() if piece.kind == TEXT)
    return _blocks(chain([head, b'"'], content, [b'","chunks":['], _chunks(pieces.read()), [b"]", tail]))


def _escaped(deltas: Iterable[str]) -> Iterator[bytes]:
    """Yield a text that came in pieces as it stands between quotes; no character is cut in two."""
    held: list[str] = []
    size = 0
    for delta in deltas:
        held.append(delta)
        size += len(delta)
        if size > _PART_BYTES and not _HIGH_HALVES[0] <= delta[-1:] <= _HIGH_HALVES[1]:
            yield dump_json(join(held))[1:-2]
            held, size = [], 0
    yield dump_json(join(held))[1:-2]


def _chunks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    for chunk in chunks_of(pieces):
        yield (b"," if chunk.sequence > 1 else b"") + dump(chunk)[:-1]


def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Put small parts together."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > _PART_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
